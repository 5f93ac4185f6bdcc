#include "bootstrap/tree_control_plane.hpp"

#include <algorithm>
#include <limits>

#include "base/text.hpp"

namespace stretto {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t flush_limit_ns = second_ns;
constexpr std::size_t blob_bytes_max = std::size_t{32} << 20;
constexpr std::size_t parcel_frame_bytes = std::size_t{1} << 20;  // of several blobs; a single one may be greater

}  // namespace

TreeControlPlane::TreeControlPlane(System& system, Member self, int n_ranks, std::vector<TreeLink> links,
                                   HeartbeatConfig heartbeat)
    : system_(system), self_(std::move(self)), n_ranks_(n_ranks), heartbeat_(heartbeat) {
  const std::int64_t now_ns = system.now_ns();
  for (TreeLink& link : links) {
    Link& mine = links_.emplace_back();
    mine.peer = std::move(link.peer);
    mine.channel = std::move(link.channel);
    mine.heard_ns = mine.spoke_ns = now_ns;
  }
}

void TreeControlPlane::send(Link& link, std::span<const std::byte> body) {
  if (!link.open) return;
  link.channel.send(body);
  ++frames_sent_;
  link.spoke_ns = system_.now_ns();
}

// ---- gathering -------------------------------------------------------------------------------------------------

void TreeControlPlane::start_all_gather(std::vector<std::byte> mine, const char* phase, std::int64_t deadline_ns) {
  STRETTO_ASSERT(!gathering_);
  if (mine.size() > blob_bytes_max) {
    throw Error(strettoInvalidArgument, format("{} bytes cannot be gathered in phase {}: the limit is {} per rank",
                                               mine.size(), phase, blob_bytes_max));
  }
  gathers_.erase(gather_);
  ++gather_;
  gathering_ = true;
  phase_ = phase;
  gather_deadline_ns_ = deadline_ns;
  store(gather_, self_.rank, std::make_shared<const std::vector<std::byte>>(std::move(mine)), nullptr);
}

void TreeControlPlane::store(std::uint64_t number, Rank rank, Blob blob, const Link* from) {
  Gather& gather = gathers_[number];
  gather.blobs.resize(static_cast<std::size_t>(n_ranks_));
  Blob& place = gather.blobs[static_cast<std::size_t>(rank)];
  if (place) return;
  place = blob;
  ++gather.n_come;
  for (Link& link : links_) {
    if (&link != from && link.open) link.parcels.push_back({number, rank, blob, 0});
  }
}

std::vector<Rank> TreeControlPlane::missing() const {
  std::vector<Rank> ranks;
  const Gather& gather = gathers_.at(gather_);
  for (Rank rank = 0; rank < n_ranks_; ++rank) {
    if (!gather.blobs[static_cast<std::size_t>(rank)]) ranks.push_back(rank);
  }
  return ranks;
}

void TreeControlPlane::throw_gather_error(strettoResult_t code, Rank peer, std::string text) const {
  ErrorInfo info;
  info.code = code;
  info.rank = self_.rank;
  info.peer = peer;
  info.name = phase_;
  info.text = std::move(text);
  for (const Link& link : links_) {
    if (link.peer.rank == peer) info.host = link.peer.host;
  }
  throw Error(std::move(info));
}

std::optional<std::vector<std::vector<std::byte>>> TreeControlPlane::poll_all_gather() {
  STRETTO_ASSERT(gathering_);
  poll();
  const Gather& gather = gathers_.at(gather_);
  if (gather.n_come == static_cast<std::size_t>(n_ranks_)) {
    gathering_ = false;
    std::vector<std::vector<std::byte>> blobs;
    for (const Blob& blob : gather.blobs) blobs.push_back(*blob);  // a copy: neighbours may still be sent this one
    return blobs;
  }
  if (fault_) {
    gathering_ = false;
    throw Error(*fault_);
  }
  for (const Departure& departure : departed_) {
    if (gather.blobs[static_cast<std::size_t>(departure.rank)]) continue;
    gathering_ = false;
    throw_gather_error(strettoRemoteError, departure.rank,
                       format("rank {} of {}: rank {} left the communicator while {} waited for it; all ranks must "
                              "make the same calls",
                              self_.rank, n_ranks_, departure.rank, phase_));
  }
  if (system_.now_ns() >= gather_deadline_ns_) {
    gathering_ = false;
    const std::vector<Rank> ranks = missing();
    throw_gather_error(strettoTimeout, ranks.front(),
                       format("rank {} of {}: deadline of {}: {} ranks have not come: {}. Check that they are not "
                              "stopped, and make the same calls",
                              self_.rank, n_ranks_, phase_, ranks.size(), list_ranks(ranks)));
  }
  return std::nullopt;
}

/// Takes blobs of one gather from the head of the queue.
std::vector<std::byte> TreeControlPlane::pack_blobs(Link& link) {
  const std::uint64_t gather = link.parcels.front().gather;
  WireWriter writer;
  writer.number(Message::blobs);
  writer.number(gather);
  std::size_t bytes = 0;
  while (!link.parcels.empty() && link.parcels.front().gather == gather) {
    const Parcel& parcel = link.parcels.front();
    if (bytes > 0 && bytes + parcel.blob->size() > parcel_frame_bytes) break;
    writer.number(parcel.rank);
    writer.blob(*parcel.blob);
    bytes += parcel.blob->size() + 8;
    link.parcels.pop_front();
  }
  return writer.take();
}

void TreeControlPlane::send_parcels(Link& link) {
  // Packed only into an empty queue: a neighbour that takes nothing costs one frame and a list of references.
  while (link.open && !link.parcels.empty() && link.channel.flushed()) {
    if (const Parcel& parcel = link.parcels.front(); parcel.gather == 0) {
      WireWriter writer;
      writer.number(Message::goodbye);
      writer.number(parcel.rank);
      writer.number(parcel.operations);
      link.parcels.pop_front();
      send(link, writer.take());
    } else {
      send(link, pack_blobs(link));
    }
    link.channel.flush();
  }
}

void TreeControlPlane::on_blobs(Link& from, WireReader& reader) {
  const auto number = reader.number<std::uint64_t>();
  // Before the first gather only that one can come. Nobody else speaks for this rank: the tree has no circles.
  const bool expected = number > 0 && (number == gather_ || number == gather_ + 1);
  while (!reader.at_end()) {
    const auto rank = reader.number<Rank>();
    const std::span<const std::byte> bytes = reader.blob();
    if (!expected || rank < 0 || rank >= n_ranks_ || rank == self_.rank)
      throw Error(strettoRemoteError, "a blob of no gather or rank");
    store(number, rank, std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end()), &from);
  }
}

// ---- faults and goodbyes ---------------------------------------------------------------------------------------

void TreeControlPlane::report(const ErrorInfo& fault) {
  ErrorInfo mine = fault;
  if (mine.rank < 0) mine.rank = self_.rank;
  set_fault(std::move(mine), nullptr);
  poll();
}

void TreeControlPlane::on_fault(Link& from, ErrorInfo fault) {
  // Whoever keeps it looks these ranks up.
  const auto known = [this](Rank rank) { return rank >= -1 && rank < n_ranks_; };
  if (!known(fault.rank) || !known(fault.peer)) throw Error(strettoRemoteError, "a fault of no rank");
  set_fault(std::move(fault), &from);
}

void TreeControlPlane::set_fault(ErrorInfo fault, const Link* from) {
  if (fault_) return;
  fault_ = std::move(fault);
  WireWriter writer;
  writer.number(Message::fault);
  put(writer, *fault_);
  const std::vector<std::byte> body = writer.take();
  for (Link& link : links_) {
    if (&link != from) send(link, body);
  }
}

void TreeControlPlane::leave(std::uint64_t operations) {
  if (left_) return;
  left_ = true;
  flush_deadline_ns_ = system_.now_ns() + flush_limit_ns;
  spread_goodbye({self_.rank, operations}, nullptr);
  poll();
}

void TreeControlPlane::spread_goodbye(const Departure& departure, const Link* from) {
  for (Link& link : links_) {
    if (&link != from && link.open) link.parcels.push_back({0, departure.rank, nullptr, departure.operations});
  }
}

bool TreeControlPlane::flushed() const {
  if (!left_) return false;
  // A neighbour's acknowledgement, not an empty queue: a socket closed over unread bytes may take the goodbye along.
  return system_.now_ns() >= flush_deadline_ns_ || std::ranges::all_of(links_, [](const Link& link) {
           return !link.open || (link.acknowledged && link.channel.flushed() && link.parcels.empty());
         });
}

void TreeControlPlane::on_goodbye(Link& from, WireReader& reader) {
  const auto rank = reader.number<Rank>();
  const auto operations = reader.number<std::uint64_t>();
  if (rank < 0 || rank >= n_ranks_ || rank == self_.rank) throw Error(strettoRemoteError, "a goodbye of no rank");
  if (rank == from.peer.rank) {
    from.departed = true;
    const std::vector<std::byte> body = {static_cast<std::byte>(Message::goodbye_ack)};
    send(from, body);
  }
  has_departed_.resize(static_cast<std::size_t>(n_ranks_));
  if (has_departed_[static_cast<std::size_t>(rank)]) return;
  has_departed_[static_cast<std::size_t>(rank)] = true;
  departed_.push_back({rank, operations});
  spread_goodbye(departed_.back(), &from);
}

// ---- links -----------------------------------------------------------------------------------------------------

void TreeControlPlane::on_frame(Link& from, std::span<const std::byte> frame) {
  WireReader reader(frame);
  switch (reader.number<Message>()) {
    case Message::beat:
      return;
    case Message::blobs:
      return on_blobs(from, reader);
    case Message::fault:
      return on_fault(from, get_error_info(reader));
    case Message::goodbye:
      return on_goodbye(from, reader);
    case Message::waiting:
      return on_waiting(from, get_waiting(reader));
    case Message::word:
      return on_word(from, reader);
    case Message::goodbye_ack:
      from.acknowledged = true;
      return;
    default:
      throw Error(strettoRemoteError, "a message of unknown type");
  }
}

void TreeControlPlane::on_end(Link& link) {
  link.open = false;
  link.parcels.clear();
  link.waiting.clear();
  link.channel.close();
  if (link.departed) return;
  ErrorInfo info;
  info.code = strettoRemoteError;
  info.rank = self_.rank;
  info.peer = link.peer.rank;
  info.host = link.peer.host;
  info.text = format(
      "{} died: its control connection to rank {} closed without a goodbye{}{}; look at its own output "
      "(killed, out of memory, an error that ended it?)",
      to_string(link.peer), self_.rank, link.channel.failure().empty() ? "" : ", ", link.channel.failure());
  set_fault(std::move(info), &link);
}

void TreeControlPlane::check_silence(Link& link, std::int64_t now_ns) {
  if (heartbeat_.timeout_ns <= 0 || link.departed || now_ns - link.heard_ns < heartbeat_.timeout_ns || fault_) return;
  ErrorInfo info;
  info.code = strettoTimeout;
  info.rank = self_.rank;
  info.peer = link.peer.rank;
  info.host = link.peer.host;
  info.text = format("{} did not answer rank {} for {:.1f} s: it is stopped, or its host is unreachable",
                     to_string(link.peer), self_.rank, static_cast<double>(now_ns - link.heard_ns) * 1e-9);
  set_fault(std::move(info), &link);
}

void TreeControlPlane::poll_link(Link& link) {
  link.channel.pump();
  try {
    while (const auto frame = link.channel.take_frame()) on_frame(link, *frame);
  } catch (const Error& error) {
    ErrorInfo info;
    info.code = strettoRemoteError;
    info.rank = self_.rank;
    info.peer = link.peer.rank;
    info.host = link.peer.host;
    info.text = format("{} sent what this rank does not understand ({}): do all ranks run the same version?",
                       to_string(link.peer), error.what());
    set_fault(std::move(info), nullptr);
    link.channel.close();
  }
  const std::int64_t now_ns = system_.now_ns();
  if (link.channel.bytes_received() != link.bytes_heard) {
    link.bytes_heard = link.channel.bytes_received();
    link.heard_ns = now_ns;
  }
  if (link.channel.ended()) return on_end(link);
  // After reading: a rank that was itself stopped finds its neighbours' beats waiting, and blames nobody.
  check_silence(link, now_ns);
  if (heartbeat_.interval_ns > 0 && now_ns - link.spoke_ns >= heartbeat_.interval_ns && link.channel.flushed()) {
    const std::vector<std::byte> body = {static_cast<std::byte>(Message::beat)};
    send(link, body);
  }
}

void TreeControlPlane::poll() {
  for (Link& link : links_) {
    if (link.open) poll_link(link);
  }
  for (Link& link : links_) {  // what the others have brought
    if (!link.open) continue;
    send_parcels(link);
    send_waiting(link);
    link.channel.flush();
  }
}

void TreeControlPlane::watch(WaitSet& waits) {
  // Each time anew: the plane passes from one thread's set to another's, and a new set may lie where an old one lay.
  for (Link& link : links_) link.channel.watch(waits, true);
}

std::int64_t TreeControlPlane::next_deadline_ns() const {
  std::int64_t next_ns = std::numeric_limits<std::int64_t>::max();
  if (gathering_) next_ns = std::min(next_ns, gather_deadline_ns_);
  if (left_ && !flushed()) next_ns = std::min(next_ns, flush_deadline_ns_);
  for (const Link& link : links_) {
    if (!link.open) continue;
    if (heartbeat_.interval_ns > 0 && link.channel.flushed())
      next_ns = std::min(next_ns, link.spoke_ns + heartbeat_.interval_ns);
    if (heartbeat_.timeout_ns > 0 && !link.departed && !fault_)
      next_ns = std::min(next_ns, link.heard_ns + heartbeat_.timeout_ns);
  }
  return next_ns;
}

}  // namespace stretto
