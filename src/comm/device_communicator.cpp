#include "comm/device_communicator.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/datatypes.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "comm/retired_engine.hpp"

namespace stretto {
namespace {

constexpr std::int64_t kGoodbyeNs = 1'000'000'000;
/// Alive at a time: memory for them is taken as they come.
constexpr int kGraphsMost = 1024;
/// After a fault kernels end within a look at the host's word.
constexpr std::int64_t kFaultDrainNs = 5'000'000'000;

ErrorInfo refusal(strettoResult_t code, const char* field, std::string text) {
  ErrorInfo info;
  info.code = code;
  info.field = field;
  info.text = std::move(text);
  return info;
}

}  // namespace

DeviceCommunicator::DeviceCommunicator(std::shared_ptr<MembershipTask> task, Membership membership)
    : task_(std::move(task)), engine_(std::make_unique<DeviceEngine>(std::move(membership))) {
  const std::shared_ptr<Gpu>& gpu = engine_->shared_gpu();
  const std::shared_ptr<Residency> residency = residency_of(gpu);
  residency_.emplace(residency, residency->add(engine_->group(), engine_->most_blocks(),
                                               [engine = engine_.get()] { return engine->strands_ended(); }));
  watch_ =
      std::make_shared<DeviceWatch>(task_, rank(), engine_->topology(), engine_->mailbox(), residency_->shared_chain());
  event_ = gpu->make_event();
  fork_ = gpu->make_event();
  lanes_ = std::make_shared<DeviceLanes>(task_, gpu, rank(), engine_->take_graph_windows(), kGraphsMost);
  captures_.emplace(lanes_, gpu, engine_->settings().setup_timeout_ns);
  log(LogLevel::info, "event=communicator comm={} rank={} ranks={} device={} gpu=\"{}\" window_bytes={} lanes={}",
      engine_->settings().name, rank(), n_ranks(), device(), gpu->facts().name,
      engine_->windows().bytes() + lanes_->bytes(), lanes_->lanes());
  Service::of_process().add(watch_);
  Service::of_process().add(lanes_);
}

DeviceCommunicator::~DeviceCommunicator() {
  const bool has_drained = drained();
  residency_->leave();
  Service& service = Service::of_process();
  LanesLeft left;
  service.run([&] {
    watch_->end();
    left = lanes_->end();
    task_->leave(operations_);
  });
  service.wait_until([&] { return task_->goodbye_said(); }, posix_system().now_ns() + kGoodbyeNs);
  engine_->gpu().destroy_event(event_);
  engine_->gpu().destroy_event(fork_);
  captures_.reset();
  if (!has_drained || !left.graphs.empty()) retire(std::move(left), has_drained);
}

void DeviceCommunicator::retire(LanesLeft left, bool has_drained) {
  const auto kept = std::make_shared<RetiredEngine>(std::move(engine_), std::move(left), has_drained);
  try {
    Service::of_process().add(kept);
  } catch (const Error&) {  // the process is ending, and its memory with it
    static_cast<void>(new std::shared_ptr<RetiredEngine>(kept));
  }
}

std::optional<ErrorInfo> DeviceCommunicator::issue(std::span<const Operation> batch, strettoStream_t stream,
                                                   std::span<const strettoStream_t> others) {
  if (const ErrorInfo* found = fault(); found != nullptr) return *found;
  if (!close()) {
    return refusal(strettoInvalidUsage, "comm",
                   "two threads use one communicator at once: give each thread its own, or take turns");
  }
  struct Leave {
    DeviceCommunicator& of;
    ~Leave() { of.leave(); }
  } leave{*this};
  try {
    for (const strettoStream_t other : others) {
      engine_->gpu().record(fork_, other);
      engine_->gpu().make_wait(stream, fork_);
    }
    launch(batch, stream);
    if (!others.empty()) engine_->gpu().record(fork_, stream);
    for (const strettoStream_t other : others) engine_->gpu().make_wait(other, fork_);
  } catch (const Error& error) {
    const strettoResult_t code = error.info().code;
    if (code == strettoCudaError || code == strettoRemoteError) tell(error.info());
    return error.info();
  }
  return std::nullopt;
}

void DeviceCommunicator::launch(std::span<const Operation> batch, strettoStream_t stream) {
  const Operation& first = batch.front();
  const Collective collective = first.request.collective;
  for (const Operation& operation : batch) check_buffers(operation);
  check_peers(batch);
  std::vector<DeviceTransfer> transfers;
  if (is_pair_call(collective)) transfers = transfers_of(batch);
  if (collective == Collective::all_to_all_v) transfers = transfers_of_all_to_all_v(first);
  DeviceEngine::Ticket ticket;
  const StreamFacts facts = engine_->gpu().stream_facts(stream);
  ticket.lane = lane_for(stream, facts);
  DeviceLaunch* const bound = transfers.empty() ? &engine_->bind(first, ticket.lane) : nullptr;
  ticket.timeout_ns = longest_timeout_ns(batch);
  if (ticket.timeout_ns == 0) ticket.timeout_ns = engine_->settings().data_timeout_ns;
  ticket.number = operations_;
  ticket.stream = stream;
  ticket.waits = ticket.lane.number == 0 && join(stream, facts.id);
  Residency::Turn turn(residency_->residency(), residency_->chain());
  turn.launch = {stream, facts.id, operations_, !is_pair_call(collective), !ticket.waits, ticket.timeout_ns};
  if (ticket.lane.number == 0) ticket.turn = &turn;
  watch_->history().add(operations_, collective);
  if (!is_pair_call(collective)) {
    OpTag tag;
    tag.collective = static_cast<std::uint8_t>(collective);
    tag.datatype = static_cast<std::uint8_t>(first.request.type);
    if (bound != nullptr) tag = DeviceEngine::tag_of(*bound);
    tag.operation = static_cast<std::uint32_t>(operations_);
    task_->calls().begin(operations_, tag);
  }
  if (bound != nullptr) {
    engine_->launch(*bound, first, ticket);
  } else {
    engine_->launch_pairs(transfers, ticket);
  }
  turn.launched();
  if (!is_pair_call(collective)) ++operations_;
  if (ticket.lane.number == 0) {
    joined(stream, facts.id);
  } else {
    captures_->launched(stream, facts.capture_id);
  }
}

std::vector<DeviceTransfer> DeviceCommunicator::transfers_of(std::span<const Operation> batch) const {
  std::vector<DeviceTransfer> transfers;
  for (const Operation& operation : batch) {
    const bool sends = operation.request.collective == Collective::send;
    const auto address = reinterpret_cast<std::uintptr_t>(sends ? operation.input : operation.output);
    transfers.push_back(
        {operation.request.root, sends, address, operation.request.count * data_type_bytes(operation.request.type)});
  }
  return transfers;
}

std::vector<DeviceTransfer> DeviceCommunicator::transfers_of_all_to_all_v(const Operation& operation) const {
  const BlockSizes& sizes = operation.details->sizes;
  const std::size_t element_bytes = data_type_bytes(operation.request.type);
  const auto in = reinterpret_cast<std::uintptr_t>(operation.input);
  const auto out = reinterpret_cast<std::uintptr_t>(operation.output);
  std::vector<DeviceTransfer> transfers;
  for (Rank distance = 0; distance < n_ranks(); ++distance) {
    const Rank to = (rank() + distance) % n_ranks();
    const Rank from = (rank() + n_ranks() - distance) % n_ranks();
    const auto t = static_cast<std::size_t>(to);
    const auto f = static_cast<std::size_t>(from);
    transfers.push_back({to, true, in + sizes.input_offsets_bytes[t], sizes.counts[t] * element_bytes});
    transfers.push_back(
        {from, false, out + sizes.output_offsets_bytes[f], operation.details->receive_counts[f] * element_bytes});
  }
  return transfers;
}

/// Nobody waits for a rank that has left. What it sent before may still be received.
void DeviceCommunicator::check_peers(std::span<const Operation> batch) const {
  const auto check = [&](Rank peer, std::uint64_t needed, Collective collective) {
    if (!task_->left_before(peer, needed)) return;
    ErrorInfo info;
    info.code = strettoRemoteError;
    info.rank = rank();
    info.peer = peer;
    info.host = engine_->topology().identity(peer).host_name;
    info.operation = static_cast<std::int64_t>(operations_);
    info.name = row_of(collective).name;
    info.text = format(
        "rank {} needs rank {} on host {} in {} (operation {}), but that rank has finalized or destroyed its "
        "communicator: every rank must make the same calls",
        rank(), peer, info.host, info.name, info.operation);
    throw Error(std::move(info));
  };
  for (const Operation& operation : batch) {
    const Collective collective = operation.request.collective;
    if (collective == Collective::send) check(operation.request.root, UINT64_MAX, collective);
    if (is_pair_call(collective)) continue;
    for (Rank peer = 0; peer < n_ranks(); ++peer) check(peer, operations_ + 1, collective);
  }
}

/// Kernels read and write where the pointers say: memory of another kind would be a fault of the whole context.
void DeviceCommunicator::check_buffer(const void* buffer, std::size_t bytes, const char* field) const {
  if (bytes == 0) return;
  const PointerFacts facts = engine_->gpu().pointer_facts(buffer);
  if (facts.kind == PointerFacts::Kind::host) {
    throw Error(refusal(strettoInvalidArgument, field,
                        format("{} is host memory, but the communicator is of CUDA device {}: give it memory of that "
                               "device, or use a communicator of STRETTO_DEVICE_HOST",
                               field, device())));
  }
  if (facts.kind == PointerFacts::Kind::device && facts.device != device()) {
    throw Error(refusal(
        strettoInvalidArgument, field,
        format("{} is memory of CUDA device {}, but the communicator is of device {}", field, facts.device, device())));
  }
}

/// Of unequal blocks: the pointers, where any block is not empty.
void DeviceCommunicator::check_vectors(const Operation& operation) const {
  const CallDetails& details = *operation.details;
  const auto some = [](const std::vector<std::size_t>& counts) {
    return std::ranges::any_of(counts, [](std::size_t count) { return count > 0; });
  };
  const bool received =
      some(operation.request.collective == Collective::all_to_all_v ? details.receive_counts : details.sizes.counts);
  if (operation.input != nullptr && some(details.sizes.counts)) check_buffer(operation.input, 1, "sendbuff");
  if (operation.output != nullptr && received) check_buffer(operation.output, 1, "recvbuff");
}

void DeviceCommunicator::check_buffers(const Operation& operation) const {
  const Request& request = operation.request;
  if (operation.details != nullptr && operation.details->user_op) {
    const UserOp& op = *operation.details->user_op;
    if (op.residence != nullptr) check_buffer(op.residence, data_type_bytes(op.type), "scalar");
  }
  if (operation.details != nullptr && !operation.details->sizes.empty()) return check_vectors(operation);
  if (is_pair_call(request.collective)) {
    const bool sends = request.collective == Collective::send;
    return check_buffer(sends ? operation.input : operation.output, request.count * data_type_bytes(request.type),
                        sends ? "sendbuff" : "recvbuff");
  }
  const CollectiveRow& row = row_of(request.collective);
  const std::size_t block_bytes = request.count * data_type_bytes(request.type);
  const auto blocks = [&](const Side& side) {
    return static_cast<std::size_t>(window_of(row, side, rank(), request.root, n_ranks()).count);
  };
  check_buffer(operation.input, blocks(row.input) * block_bytes, "sendbuff");
  check_buffer(operation.output, blocks(row.output) * block_bytes, "recvbuff");
}

/// The eager lane, or that of the stream's capture.
Lane DeviceCommunicator::lane_for(strettoStream_t stream, const StreamFacts& facts) {
  if (facts.capture == StreamFacts::Capture::none) return engine_->eager_lane();
  if (facts.capture == StreamFacts::Capture::invalidated) {
    throw Error(refusal(strettoInvalidUsage, "stream", "the stream's capture is broken by an earlier error: end it"));
  }
  const auto [lane, is_new] = captures_->join(stream, facts.capture_id);
  if (is_new) engine_->begin(lane);
  return lane;
}

/// Orders the stream behind what was issued before. True where the kernel itself has to wait: at the first change of
/// streams no event was recorded behind the operation before, and its stream may be gone by now. From then on each
/// operation is followed by an event.
bool DeviceCommunicator::join(strettoStream_t stream, std::uint64_t id) {
  const bool changes = issued_ && id != last_stream_;
  if (changes && many_streams_) engine_->gpu().make_wait(stream, event_);
  return changes && !many_streams_;
}

/// After a launch.
void DeviceCommunicator::joined(strettoStream_t stream, std::uint64_t id) {
  many_streams_ = many_streams_ || (issued_ && id != last_stream_);
  issued_ = true;
  last_stream_ = id;
  if (many_streams_) engine_->gpu().record(event_, stream);
}

bool DeviceCommunicator::drained() {
  const std::int64_t start_ns = posix_system().now_ns();
  std::int64_t limit_ns = start_ns + engine_->settings().data_timeout_ns + kFaultDrainNs;
  try {
    while (engine_->strands_ended() != engine_->strands_launched()) {
      const std::int64_t now_ns = posix_system().now_ns();
      if (task_->fault().get() != nullptr) limit_ns = std::min(limit_ns, now_ns + kFaultDrainNs);
      if (now_ns > limit_ns) return false;
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  } catch (const Error& error) {  // the context is broken: nothing of it runs any more
    log(LogLevel::warn, "event=drain rank={} text=\"{}\"", rank(), error.what());
  }
  return true;
}

/// An operation that CUDA did not take: the others wait for it in vain, and are told.
void DeviceCommunicator::tell(ErrorInfo info) {
  info.rank = rank();
  info.operation = static_cast<std::int64_t>(operations_);
  if (task_->fault().set(info)) Service::of_process().run([&] { task_->report(info); });
}

void DeviceCommunicator::abort() {
  ErrorInfo info;
  info.code = strettoAborted;
  info.rank = rank();
  info.text = format("rank {} was told to abort its communicator", rank());
  if (!task_->fault().set(info)) return;
  info.code = strettoRemoteError;
  info.peer = rank();
  info.host = engine_->topology().identity(rank()).host_name;
  info.text = format("rank {} on host {} aborted the communicator", rank(), info.host);
  Service::of_process().run([&] {
    task_->report(info);
    watch_->poll();
  });
}

const ErrorInfo* DeviceCommunicator::fault() const {
  if (const ErrorInfo* reported = watch_->reported(); reported != nullptr) return reported;
  const ErrorInfo* const first = task_->fault().get();
  if (first == nullptr || first->rank == rank()) return first;
  if (heard_.get() == nullptr) {
    ErrorInfo info = *first;
    if (first->peer == rank() || first->peer < 0) info.peer = first->rank;
    info.rank = rank();
    if (info.peer >= 0) info.host = engine_->topology().identity(info.peer).host_name;
    info.text = format("rank {} before its next operation: {}", rank(), first->text);
    heard_.set(info);
  }
  return heard_.get();
}

}  // namespace stretto
