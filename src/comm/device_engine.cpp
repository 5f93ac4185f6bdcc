#include "comm/device_engine.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <thread>

#include "algorithms/catalogue.hpp"
#include "base/datatypes.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "comm/requests.hpp"
#include "exec/content_hash.hpp"

namespace stretto {
namespace {

/// Of all that ranks must agree on but the number of the operation, which a replay does not know.
std::uint32_t descriptor_of(OpTag tag) {
  tag.operation = 0;
  return static_cast<std::uint32_t>(content_hash(&tag, sizeof tag, 0));
}

/// As few threads as have something to do in the largest chunk: fewer start and meet sooner.
std::uint32_t threads_for(const Binding& binding, device::Protocol protocol) {
  std::size_t chunk_bytes = 1;
  for (const ChannelGeometry& share : binding.channels) {
    chunk_bytes = std::max(chunk_bytes, std::min(share.chunk_elements, share.elements) * binding.element_bytes);
  }
  // Of a wide packet a thread has two words, and a second one is under way beside it.
  const std::size_t thread_bytes = protocol == device::Protocol::packets ? 8
                                   : protocol == device::Protocol::wide  ? 30
                                                                         : 16;
  const std::size_t threads = (chunk_bytes + thread_bytes - 1) / thread_bytes;
  const std::size_t warps = std::min<std::size_t>((threads + 31) / 32, device::kMostThreadsPerBlock / 32);
  return static_cast<std::uint32_t>(std::max<std::size_t>(1, warps) * 32);
}

device::Protocol device_protocol(DeviceProtocol protocol) {
  switch (protocol) {
    case DeviceProtocol::packets:
      return device::Protocol::packets;
    case DeviceProtocol::wide:
      return device::Protocol::wide;
    case DeviceProtocol::slots:
      break;
  }
  return device::Protocol::slots;
}

/// Of a message.
std::size_t capacity_bytes(const device::WindowShape& shape, device::Protocol protocol) {
  if (protocol == device::Protocol::packets) return shape.packet_slot_bytes;
  return protocol == device::Protocol::wide ? shape.wide_capacity_bytes() : shape.slot_bytes;
}

}  // namespace

DeviceEngine::DeviceEngine(Membership membership) : membership_(std::move(membership)), pair_cache_(*membership_.gpu) {
  const auto model_of = [this](const device::WindowShape& shape, bool of_graphs) {
    return default_device_model(device_slots(shape), membership_.max_channels, membership_.settings.pair_times,
                                of_graphs);
  };
  models_ = {model_of(windows().shape(), false), model_of(membership_.graph_windows->shape(), true)};
  if (!membership_.wide_arrives) models_[0].wide_channels = models_[1].wide_channels = 0;
  mailbox_ = reinterpret_cast<DeviceMailbox*>(gpu().allocate_pinned(sizeof(DeviceMailbox)));
}

DeviceEngine::~DeviceEngine() {
  for (const ImageSlot& slot : once_) gpu().destroy_event(slot.has_run);
  gpu().free_pinned(reinterpret_cast<std::byte*>(mailbox_));
}

const PreparedPlan& DeviceEngine::plan_for(const PlanSpec& spec) {
  std::unique_ptr<PreparedPlan>& found =
      plans_[{spec.collective, std::string(spec.algorithm), spec.root, spec.channels}];
  if (!found) found = std::make_unique<PreparedPlan>(prepare(make_plan(spec, rank()), {}));
  return *found;
}

std::shared_ptr<DeviceLaunch> DeviceEngine::bind(const Operation& operation, const Lane& lane) {
  const Request& request = operation.request;
  const CallDetails* const details = operation.details.get();
  // A user's operation is a sum of products.
  Request cached = request;
  if (details != nullptr && details->user_op) cached.op = strettoSum;
  if (details != nullptr && !details->sizes.empty()) {
    auto made = make_launch(cached, details, lane, lane.number != 0 ? Kept::with_the_graph : Kept::until_it_has_run);
    scratch_of(lane, made->scratch_bytes);  // so that a launch need not ask for memory
    return made;
  }
  std::shared_ptr<DeviceLaunch>& entry = caches_[lane.number != 0 ? 1 : 0][entry_of(cached)];
  if (!entry || entry->request != cached) entry = make_launch(cached, nullptr, lane, Kept::for_ever);
  scratch_of(lane, entry->scratch_bytes);
  return entry;
}

std::shared_ptr<DeviceLaunch> DeviceEngine::make_launch(const Request& request, const CallDetails* details,
                                                        const Lane& lane, Kept kept) {
  DeviceModel model = models_[lane.number != 0 ? 1 : 0];
  const device::WindowShape& shape = lane.windows->shape();
  const CollectiveRow& row = row_of(row_of(request.collective).planned_as);
  const std::size_t element_bytes = data_type_bytes(request.type);
  Request planned = request;
  planned.collective = row.collective;
  if (details != nullptr) planned.count = count_to_plan(details->sizes);
  if (details != nullptr && !details->sizes.empty()) model.wide_channels = 0;  // blocks are not alike
  check_size(planned, row, n_ranks());
  const AlgorithmRow* forced = find_algorithm(settings().algorithm);
  const bool can_serve =
      forced != nullptr && forced->supports(row.collective) &&
      fits(*forced, {row.collective, forced->name, n_ranks(), request.root, 1, {}}, model.max_channels, model.packets);
  const DeviceChoice choice =
      choose_device_plan(row.collective, planned.count * element_bytes, n_ranks(), request.root, model,
                         {can_serve ? forced->name : std::string_view(), forced_protocol()});
  const device::Protocol protocol = device_protocol(choice.protocol);
  const std::size_t slot_bytes = capacity_bytes(shape, protocol);
  log(LogLevel::debug, "event=plan comm={} rank={} plan={} protocol={} channels={} cost_us={}", settings().name, rank(),
      choice.spec.algorithm, device_protocol_rows()[static_cast<std::size_t>(choice.protocol)].knob,
      choice.spec.channels, choice.cost / 1'000'000);

  auto bound = std::make_shared<DeviceLaunch>();
  bound->request = request;
  bound->binding = bind_request(planned, plan_for(choice.spec), slot_bytes);
  if (details != nullptr) bind_sizes(bound->binding, request.collective, details->sizes, slot_bytes);
  bound->launch = {request.type, request.op, row.reduces, protocol};
  const std::uint32_t descriptor = descriptor_of(bound->binding.tag);
  if (make_exchange(*bound, protocol, lane)) {
    bound->exchange.exchange.descriptor = descriptor;
    return bound;
  }
  const DeviceProgram program = lower(bound->binding, protocol);
  bound->launch.blocks = bound->strands = device::ProgramView(program.image.data()).header->n_strands;
  bound->launch.threads = threads_for(bound->binding, protocol);
  bound->launch.arguments = &bound->arguments;
  bound->scratch_bytes = program.scratch_bytes;
  bound->extents = extents_of(bound->binding, details != nullptr ? details->sizes.counts : std::vector<std::size_t>());
  place_image(*bound, program, lane, kept);
  bound->arguments.operation.descriptor = descriptor;
  return bound;
}

bool DeviceEngine::make_exchange(DeviceLaunch& bound, device::Protocol protocol, const Lane& lane) {
  std::optional<device::Exchange> exchange;
  if (protocol == device::Protocol::packets) exchange = recognise_exchange(bound.binding);
  if (protocol == device::Protocol::wide) {
    exchange = recognise_wide_exchange(bound.binding, capacity_bytes(lane.windows->shape(), protocol));
    STRETTO_ASSERT(exchange);  // nothing else goes by wide packets, on any rank
  }
  if (!exchange) return false;
  bound.launch.blocks = bound.strands = static_cast<std::uint32_t>(bound.binding.channels.size());
  bound.launch.threads = threads_for(bound.binding, protocol);
  prepare_exchange(bound, *exchange, lane);
  return true;
}

void DeviceEngine::prepare_exchange(DeviceLaunch& bound, const device::Exchange& exchange, const Lane& lane) {
  bound.launch.exchange = &bound.exchange;
  // One warp looks at the words of its links, and another has its packets on their way meanwhile.
  bound.launch.threads = std::max(bound.launch.threads, 64U);
  STRETTO_ASSERT(bound.launch.blocks <= DeviceMailbox::kReports);
  bound.exchange.exchange = exchange;
  bound.exchange.exchange.rank = static_cast<std::uint16_t>(rank());
  device::place_exchange(bound.exchange.exchange, lane.windows->shape());
}

void DeviceEngine::place_image(DeviceLaunch& bound, const DeviceProgram& program, const Lane& lane, Kept kept) {
  device::KernelArguments& arguments = bound.arguments;
  if (bound.launch.blocks > DeviceMailbox::kReports || bound.launch.blocks > gpu().resident_blocks()) {
    throw Error(strettoInvalidArgument,
                format("{} strands are more than device {} can run side by side ({}): lower max_channels",
                       bound.launch.blocks, gpu().facts().ordinal, gpu().resident_blocks()),
                "max_channels");
  }
  if (program.image.size() > device::kMostImage_bytes) {
    throw Error(strettoUnsupported,
                format("a program of {} bytes is larger than a block's shared memory: lower max_channels, or force an "
                       "algorithm of fewer steps",
                       program.image.size()),
                "max_channels");
  }
  arguments.image_bytes = program.image.size();
  if (kept == Kept::until_it_has_run) {
    bound.used_once = image_used_once(program);
    arguments.image = bound.used_once->memory.data();
  } else if (kept == Kept::with_the_launch) {
    bound.image = DeviceMemory(gpu(), (program.image.size() + 15) / 16 * 16);
    gpu().copy_to_device(bound.image.data(), program.image.data(), program.image.size());
    arguments.image = bound.image.data();
  } else {
    arguments.image = image_of(program, lane, kept);
  }
  arguments.operation.rank = static_cast<std::uint32_t>(rank());
  arguments.operation.shape = lane.windows->shape();
}

void DeviceEngine::begin(const Lane& lane) {
  std::vector<DeviceMemory>& kept = lane_memory_[lane.number].kept;
  std::ranges::move(kept, std::back_inserter(spare_));
  kept.clear();
}

/// In device memory, since it is used again.
const std::byte* DeviceEngine::image_of(const DeviceProgram& program, const Lane& lane, Kept kept) {
  const std::size_t bytes = (program.image.size() + 15) / 16 * 16;
  if (kept == Kept::for_ever) {
    DeviceMemory& memory =
        images_[std::string(reinterpret_cast<const char*>(program.image.data()), program.image.size())];
    if (memory.data() != nullptr) return memory.data();
    memory = DeviceMemory(gpu(), bytes);
    gpu().copy_to_device(memory.data(), program.image.data(), program.image.size());
    return memory.data();
  }
  std::vector<DeviceMemory>& to = lane_memory_[lane.number].kept;
  const auto spare = std::ranges::find_if(spare_, [&](const DeviceMemory& each) { return each.bytes() >= bytes; });
  if (spare != spare_.end()) {
    to.push_back(std::move(*spare));
    spare_.erase(spare);
  } else {
    to.emplace_back(gpu(), std::bit_ceil(bytes));
  }
  gpu().copy_to_device(to.back().data(), program.image.data(), program.image.size());
  return to.back().data();
}

/// In host memory, which the kernel reads once across PCIe: nobody waits for a copy. Nor for what runs, which may wait
/// for a rank that this thread has yet to serve.
ImageSlot::Taken DeviceEngine::image_used_once(const DeviceProgram& program) {
  const std::size_t bytes = std::bit_ceil(program.image.size());
  const auto is_free = [&](const ImageSlot& slot) {
    return !slot.taken && slot.memory.bytes() >= bytes && gpu().is_done(slot.has_run);
  };
  // The oldest is the likeliest to have run.
  std::size_t found = once_.empty() ? 0 : next_once_++ % once_.size();
  if (once_.empty() || !is_free(once_[found])) {
    ImageSlot made;
    made.memory = PinnedMemory(gpu(), std::max<std::size_t>(bytes, 4096));
    made.has_run = gpu().make_event();
    found = once_.size();
    once_.push_back(std::move(made));
  }
  ImageSlot& slot = once_[found];
  std::memcpy(slot.memory.data(), program.image.data(), program.image.size());
  slot.taken = true;
  return ImageSlot::Taken(&slot);
}

std::byte* DeviceEngine::scratch_of(const Lane& lane, std::size_t bytes) {
  if (bytes == 0) return nullptr;
  LaneMemory& memory = lane_memory_[lane.number];
  if (memory.scratch.bytes() < bytes) {
    if (memory.scratch.bytes() != 0) memory.kept.push_back(std::move(memory.scratch));
    memory.scratch = DeviceMemory(gpu(), std::bit_ceil(bytes));
  }
  return memory.scratch.data();
}

/// What each launch of a program has of its own.
void DeviceEngine::address(device::KernelArguments& arguments, const Ticket& ticket) {
  const Lane& lane = ticket.lane;
  arguments.operation.windows = lane.windows->table(lane.index);
  if (arguments.operation.windows == nullptr) {
    for (Rank peer = 0; peer < n_ranks(); ++peer) arguments.windows[peer] = lane.windows->window(peer, lane.index);
  }
  arguments.faults = faults_of(ticket);
  arguments.operation.waits = ticket.waits;
  arguments.operation.after = strands_launched_;
}

void DeviceEngine::address(device::ExchangeArguments& arguments, const Ticket& ticket) {
  device::Exchange& exchange = arguments.exchange;
  const Lane& lane = ticket.lane;
  exchange.window = lane.windows->window(rank(), lane.index);
  for (std::size_t i = 0; i < exchange.n_peers; ++i) {
    exchange.peers[i].window = lane.windows->window(static_cast<Rank>(exchange.peers[i].rank), lane.index);
  }
  arguments.faults = faults_of(ticket);
  exchange.waits = ticket.waits;
  exchange.after = strands_launched_;
  exchange.counts = lane.number == 0;
}

device::FaultWords DeviceEngine::faults_of(const Ticket& ticket) const {
  return {&mailbox_->abort, mailbox_->reports, static_cast<std::uint64_t>(ticket.timeout_ns), ticket.number};
}

void DeviceEngine::launch(DeviceLaunch& bound, const Operation& operation, const Ticket& ticket) {
  const UserOp* const op =
      operation.details != nullptr && operation.details->user_op ? &*operation.details->user_op : nullptr;
  const auto fill = [&](auto& call) {
    call.input = static_cast<const std::byte*>(operation.input);
    call.output = static_cast<std::byte*>(operation.output);
    call.multiplies = op != nullptr;
    call.scalar = op != nullptr ? op->scalar : 0;
    call.scalar_at = op != nullptr ? static_cast<const std::byte*>(op->residence) : nullptr;
  };
  if (bound.launch.exchange != nullptr) {
    // In a graph the host's calls take no time, and what is left is the start of each kernel. Those of wide packets
    // fill a multiprocessor each: the next kernel's, come early, would keep out those of another stream's graph.
    bound.launch.may_start_early = ticket.lane.number != 0 && !bound.exchange.exchange.wide;
    address(bound.exchange, ticket);
    fill(bound.exchange.exchange);
  } else {
    address(bound.arguments, ticket);
    fill(bound.arguments.operation);
    bound.arguments.operation.orders_halves = overlap(operation.input, operation.output, bound.extents);
    bound.arguments.operation.scratch = scratch_of(ticket.lane, bound.scratch_bytes);
  }
  if (ticket.turn != nullptr) ticket.turn->take(bound.launch.blocks, bound.strands, strands_launched_);
  if (bound.launch.exchange != nullptr) {
    launch_exchange(bound, ticket.stream);
  } else {
    gpu().launch(bound.launch, ticket.stream);
  }
  if (ticket.lane.number == 0) launched(bound, ticket.stream);
}

void DeviceEngine::launch_exchange(DeviceLaunch& bound, strettoStream_t stream) {
  const bool may_be_short = runs_short_sums() && !bound.exchange.exchange.wide;
  const auto short_sum = may_be_short ? device::short_sum_of(bound.exchange) : std::nullopt;
  if (!short_sum) return gpu().launch(bound.launch, stream);
  KernelLaunch launch = bound.launch;
  launch.exchange = nullptr;
  launch.short_sum = &*short_sum;
  launch.threads = short_sum->sum.threads();
  // Its blocks fill a multiprocessor each.
  if (short_sum->sum.parts_per_thread() > 1) launch.may_start_early = false;
  gpu().launch(launch, stream);
}

/// In the eager lane.
void DeviceEngine::launched(DeviceLaunch& bound, strettoStream_t stream) {
  strands_launched_ += bound.strands;
  if (bound.has_run != nullptr) gpu().record(bound.has_run, stream);
  if (bound.used_once == nullptr) return;
  gpu().record(bound.used_once->has_run, stream);
  bound.used_once.reset();
}

std::uint64_t DeviceEngine::group() const { return content_hash(membership_.key.data(), membership_.key.size(), 0); }

std::uint32_t DeviceEngine::most_blocks() const {
  return std::min(gpu().resident_blocks(),
                  2U * static_cast<std::uint32_t>(std::max(membership_.max_channels, n_ranks() - 1)));
}

std::uint32_t DeviceEngine::strands_ended() const {
  device::WindowHeader header;
  gpu().copy_to_host(&header, windows().window(rank(), 0), sizeof header);
  return header.ended;
}

}  // namespace stretto
