#include "comm/device_communicator.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/datatypes.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "comm/device_memory_check.hpp"
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
  lanes_ = std::make_shared<DeviceLanes>(task_, gpu, rank(), engine_->take_graph_windows(), kGraphsMost,
                                         engine_->settings().setup_timeout_ns);
  captures_.emplace(lanes_, gpu, engine_->settings().setup_timeout_ns);
  log(LogLevel::info,
      "event=communicator comm={} rank={} ranks={} device={} gpu=\"{}\" window_bytes={} lanes={} "
      "wide_packets={}",
      engine_->settings().name, rank(), n_ranks(), device(), gpu->facts().name,
      engine_->windows().bytes() + lanes_->bytes(), lanes_->lanes(), engine_->model().wide_channels > 0);
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

std::optional<ErrorInfo> DeviceCommunicator::claim() {
  if (const ErrorInfo* found = fault(); found != nullptr) return *found;
  if (close()) return std::nullopt;
  return refusal(strettoInvalidUsage, "comm",
                 "two threads use one communicator at once: give each thread its own, or take turns");
}

std::optional<ErrorInfo> DeviceCommunicator::issue(const Operation& operation, strettoStream_t stream) {
  if (std::optional<ErrorInfo> error = claim()) return error;
  struct Leave {
    DeviceCommunicator& of;
    ~Leave() { of.leave(); }
  } leave{*this};
  DeviceWork work;
  work.batch = std::span(&operation, 1);
  work.stream = stream;
  try {
    check(work);
    prepare(work);
  } catch (const Error& error) {
    note(error.info());
    return error.info();
  }
  return launch(work);
}

void DeviceCommunicator::check(DeviceWork& work) const {
  const DeviceMemoryCheck memory{engine_->gpu(), rank(), n_ranks()};
  for (const Operation& operation : work.batch) memory.check(operation);
  work.facts = engine_->gpu().stream_facts(work.stream);
  const auto check_capture = [](const StreamFacts& facts) {
    if (facts.capture != StreamFacts::Capture::invalidated) return;
    throw Error(refusal(strettoInvalidUsage, "stream", "the stream's capture is broken by an earlier error: end it"));
  };
  check_capture(work.facts);
  for (const strettoStream_t other : work.others) {
    const StreamFacts facts = engine_->gpu().stream_facts(other);
    check_capture(facts);
    if (facts.capture == work.facts.capture && facts.capture_id == work.facts.capture_id) continue;
    throw Error(refusal(strettoInvalidUsage, "stream",
                        "the sends and receives of a group name streams of which one is being captured and another is "
                        "not, or not into the same graph: capture all of them together"));
  }
}

void DeviceCommunicator::prepare(DeviceWork& work) {
  const Operation& first = work.batch.front();
  const Collective collective = first.request.collective;
  work.lane = lane_of(work.stream, work.facts);
  if (is_pair_call(collective)) {
    work.pairs = engine_->bind_pairs(transfers_of(work.batch), work.lane);
  } else if (collective == Collective::all_to_all_v) {
    work.pairs = engine_->bind_pairs(transfers_of_all_to_all_v(first), work.lane);
  } else {
    work.bound = engine_->bind(first, work.lane);
  }
}

std::optional<ErrorInfo> DeviceCommunicator::launch(DeviceWork& work) {
  try {
    check_peers(work.batch);
    Gpu& gpu = engine_->gpu();
    for (const strettoStream_t other : work.others) {
      gpu.record(fork_, other);
      gpu.make_wait(work.stream, fork_);
    }
    launch_prepared(work);
    if (!work.others.empty()) gpu.record(fork_, work.stream);
    for (const strettoStream_t other : work.others) gpu.make_wait(other, fork_);
  } catch (const Error& error) {
    note(error.info());
    return error.info();
  }
  return std::nullopt;
}

void DeviceCommunicator::launch_prepared(DeviceWork& work) {
  const Operation& first = work.batch.front();
  const Collective collective = first.request.collective;
  DeviceEngine::Ticket ticket;
  ticket.lane = work.lane;
  ticket.timeout_ns = longest_timeout_ns(work.batch);
  if (ticket.timeout_ns == 0) ticket.timeout_ns = engine_->settings().data_timeout_ns;
  ticket.number = operations_;
  ticket.stream = work.stream;
  if (ticket.lane.number == 0) {
    ticket.waits = join(work.stream, work.facts.id);
  } else {
    captures_->follow(work.stream, work.facts.capture_id);
  }
  Residency::Turn turn(residency_->residency(), residency_->chain());
  turn.launch = {work.stream, work.facts.id, operations_, !is_pair_call(collective), !ticket.waits, ticket.timeout_ns};
  if (ticket.lane.number == 0) ticket.turn = &turn;
  watch_->history().add(operations_, collective);
  if (!is_pair_call(collective)) {
    OpTag tag;
    tag.collective = static_cast<std::uint8_t>(collective);
    tag.datatype = static_cast<std::uint8_t>(first.request.type);
    if (work.bound != nullptr) tag = DeviceEngine::tag_of(*work.bound);
    tag.operation = static_cast<std::uint32_t>(operations_);
    task_->calls().begin(operations_, tag);
  }
  if (work.bound != nullptr) {
    engine_->launch(*work.bound, first, ticket);
  } else {
    engine_->launch(work.pairs, ticket);
  }
  turn.launched();
  if (!is_pair_call(collective)) ++operations_;
  if (ticket.lane.number == 0) {
    joined(work.stream, work.facts.id);
  } else {
    captures_->launched(work.stream, work.facts.capture_id);
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

/// The eager lane, or that of the stream's capture.
Lane DeviceCommunicator::lane_of(strettoStream_t stream, const StreamFacts& facts) {
  if (facts.capture == StreamFacts::Capture::none) return engine_->eager_lane();
  const auto [lane, is_new] = captures_->lane_of(stream, facts.capture_id);
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

/// An operation that CUDA did not take, or that needs a rank that has left: others wait for it in vain, and are told.
void DeviceCommunicator::note(const ErrorInfo& error) {
  if (error.code == strettoCudaError || error.code == strettoRemoteError) tell(error);
}

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
