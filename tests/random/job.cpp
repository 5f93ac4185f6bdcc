#include "random/job.hpp"

#include <algorithm>
#include <cstring>

#include "base/datatypes.hpp"
#include "base/text.hpp"
#include "random/content.hpp"

namespace stretto::script {
namespace {

constexpr std::size_t kGuardBytes = 96;

std::size_t elements_of(const std::vector<Piece>& pieces, std::size_t shift) {
  std::size_t end = 0;
  for (const Piece& piece : pieces) end = std::max(end, piece.end());
  return end == 0 ? 0 : shift + end;
}

/// The buffer that sends, or, in place, does both.
std::size_t first_buffer_bytes(const Call& call, const Layout& layout, bool in_place) {
  std::size_t elements = elements_of(layout.send, in_place ? layout.send_shift : 0);
  if (in_place) elements = std::max(elements, elements_of(layout.receive, layout.receive_shift));
  return elements * data_type_bytes(call.type);
}

/// `bytes` of a pattern that repeats.
void repeat(std::byte* to, std::size_t bytes, const std::vector<std::byte>& pattern) {
  for (std::size_t at = 0; at < bytes; at += pattern.size()) {
    std::memcpy(to + at, pattern.data(), std::min(pattern.size(), bytes - at));
  }
}

}  // namespace

GuardedBuffer::GuardedBuffer(std::size_t bytes, Random& own)
    : memory_(bytes + 2 * kGuardBytes, static_cast<std::byte>(own.next())),
      begin_(kGuardBytes - (own.one_in(2) ? 0 : own.below(std::size_t{32}))),
      bytes_(bytes) {}

std::string GuardedBuffer::difference() const {
  if (memory_ == image_) return {};
  const auto at = std::mismatch(memory_.begin(), memory_.end(), image_.begin()).first - memory_.begin();
  const auto offset = at - static_cast<std::ptrdiff_t>(begin_);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < memory_.size(); ++i) bytes += memory_[i] != image_[i] ? 1U : 0U;
  const auto index = static_cast<std::size_t>(at);
  return format("{} bytes differ, the first at offset {} of a buffer of {}: {:02x} instead of {:02x}", bytes, offset,
                bytes_, std::to_integer<int>(memory_[index]), std::to_integer<int>(image_[index]));
}

Job::Job(Call call, int rank, std::uint64_t own_seed)
    : call_(std::move(call)),
      rank_(rank),
      own_(own_seed),
      layout_(layout_of(call_, rank, own_)),
      in_place_(layout_.can_be_in_place && own_.one_in(2)),
      send_(first_buffer_bytes(call_, layout_, in_place_), own_) {
  if (!in_place_) receive_.emplace(elements_of(layout_.receive, 0) * data_type_bytes(call_.type), own_);
  fill_inputs();
}

std::size_t Job::byte_place(const Piece& piece, bool sends) const {
  const std::size_t shift = !in_place_ ? 0 : sends ? layout_.send_shift : layout_.receive_shift;
  return (shift + piece.at) * data_type_bytes(call_.type);
}

std::byte* Job::place(const Piece& piece, bool sends) {
  return (sends || in_place_ ? send_ : *receive_).data() + byte_place(piece, sends);
}

void Job::fill_inputs() {
  for (const Piece& piece : layout_.send) {
    const std::size_t bytes = piece.count * data_type_bytes(call_.type);
    if (bytes > 0) repeat(place(piece, true), bytes, input_pattern(call_, rank_, piece.block, piece.count));
  }
  send_.remember();
  if (receive_) receive_->remember();
}

/// A buffer that this rank does not have may be NULL, or one that is left alone.
const void* Job::send_pointer() {
  if (send_.bytes() == 0 && own_.one_in(2)) return nullptr;
  return send_.data() + (in_place_ ? layout_.send_shift * data_type_bytes(call_.type) : 0);
}

void* Job::receive_pointer() {
  if (in_place_) return send_.data() + layout_.receive_shift * data_type_bytes(call_.type);
  return receive_->bytes() == 0 && own_.one_in(2) ? nullptr : receive_->data();
}

strettoResult_t Job::make_op(strettoComm_t comm, strettoRedOp_t& op) {
  constexpr strettoRedOp_t kBuiltIn[] = {strettoSum, strettoProd, strettoMax, strettoMin, strettoAvg};
  if (!reduces(call_.kind) || call_.op != Op::pre_multiplied) {
    op = kBuiltIn[static_cast<std::size_t>(call_.op) % std::size(kBuiltIn)];
    return strettoSuccess;
  }
  scalar_ = scalar_of(call_, rank_);
  const bool immediate = own_.one_in(2);
  const strettoResult_t result = strettoRedOpCreatePreMulSum(
      &op, scalar_.data(), call_.type, immediate ? strettoScalarHostImmediate : strettoScalarDevice, comm);
  if (immediate) std::ranges::fill(scalar_, std::byte{0x55});  // it was read
  return result;
}

strettoResult_t Job::issue(strettoComm_t comm, strettoStream_t stream, bool in_group) {
  if (call_.kind == Kind::messages) return issue_messages(comm, stream, in_group);
  strettoRedOp_t op = strettoSum;
  strettoResult_t result = make_op(comm, op);
  if (result != strettoSuccess) return result;
  result = issue_collective(comm, stream, op);
  // An operation that was issued goes on without the handle of its op.
  if (op >= strettoNumRedOps && strettoRedOpDestroy(op, comm) != strettoSuccess) return strettoInternalError;
  return result;
}

strettoResult_t Job::issue_collective(strettoComm_t comm, strettoStream_t stream, strettoRedOp_t op) {
  const void* const from = send_pointer();
  void* const to = receive_pointer();
  const std::size_t count = call_.count;
  switch (call_.kind) {
    case Kind::all_reduce:
      return strettoAllReduce(from, to, count, call_.type, op, comm, stream);
    case Kind::all_gather:
      return strettoAllGather(from, to, count, call_.type, comm, stream);
    case Kind::reduce_scatter:
      return strettoReduceScatter(from, to, count, call_.type, op, comm, stream);
    case Kind::broadcast:
      return strettoBroadcast(from, to, count, call_.type, call_.root, comm, stream);
    case Kind::reduce:
      return strettoReduce(from, to, count, call_.type, op, call_.root, comm, stream);
    case Kind::gather:
      return strettoGather(from, to, count, call_.type, call_.root, comm, stream);
    case Kind::scatter:
      return strettoScatter(from, to, count, call_.type, call_.root, comm, stream);
    case Kind::all_to_all:
      return strettoAllToAll(from, to, count, call_.type, comm, stream);
    case Kind::barrier:
      return strettoBarrier(comm, stream);
    default:
      return issue_v(comm, stream, op);
  }
}

strettoResult_t Job::issue_v(strettoComm_t comm, strettoStream_t stream, strettoRedOp_t op) {
  const void* const from = send_pointer();
  void* const to = receive_pointer();
  const Layout& l = layout_;
  // The arrays are read during the call only.
  std::vector<std::size_t> receive_counts = l.receive_counts;
  std::vector<std::size_t> receive_places = l.receive_places;
  strettoResult_t result = strettoSuccess;
  if (call_.kind == Kind::all_gather_v) {
    result = strettoAllGatherV(from, to, receive_counts.data(), receive_places.data(), call_.type, comm, stream);
  } else if (call_.kind == Kind::reduce_scatter_v) {
    result = strettoReduceScatterV(from, to, receive_counts.data(), call_.type, op, comm, stream);
  } else {
    result = strettoAllToAllV(from, l.send_counts.data(), l.send_places.data(), to, receive_counts.data(),
                              receive_places.data(), call_.type, comm, stream);
  }
  std::ranges::fill(receive_counts, ~std::size_t{0});
  std::ranges::fill(receive_places, ~std::size_t{0});
  return result;
}

/// In the order of the call, or in any that keeps the order of each direction of each pair.
std::vector<std::pair<const Piece*, bool>> Job::order_of_messages(bool any_order) {
  std::vector<std::pair<const Piece*, bool>> ordered;
  for (const Piece& piece : layout_.send) ordered.emplace_back(&piece, true);
  for (const Piece& piece : layout_.receive) ordered.emplace_back(&piece, false);
  std::ranges::stable_sort(ordered, {}, [](const auto& each) { return each.first->block; });
  if (!any_order) return ordered;
  std::vector<std::vector<std::pair<const Piece*, bool>>> lanes(2 * static_cast<std::size_t>(call_.n));
  std::vector<std::size_t> turns;
  for (const auto& each : ordered) {
    const std::size_t lane = 2 * static_cast<std::size_t>(each.first->peer) + (each.second ? 1 : 0);
    lanes[lane].push_back(each);
    turns.push_back(lane);
  }
  own_.shuffle(turns);
  std::vector<std::size_t> next(lanes.size(), 0);
  ordered.clear();
  for (const std::size_t lane : turns) ordered.push_back(lanes[lane][next[lane]++]);
  return ordered;
}

strettoResult_t Job::issue_message(const Piece& piece, bool sends, strettoComm_t comm, strettoStream_t stream) {
  std::byte* const memory = piece.count == 0 && own_.one_in(2) ? nullptr : place(piece, sends);
  return sends ? strettoSend(memory, piece.count, call_.type, piece.peer, comm, stream)
               : strettoRecv(memory, piece.count, call_.type, piece.peer, comm, stream);
}

strettoResult_t Job::issue_messages(strettoComm_t comm, strettoStream_t stream, bool in_group) {
  const bool to_self = std::ranges::any_of(layout_.send, [&](const Piece& piece) { return piece.peer == rank_; });
  const bool needs_group = !in_group && (to_self || own_.one_in(2));
  if (needs_group) strettoGroupStart();
  strettoResult_t first = strettoSuccess;
  for (const auto& [piece, sends] : order_of_messages(in_group || needs_group)) {
    const strettoResult_t result = issue_message(*piece, sends, comm, stream);
    if (first == strettoSuccess) first = result;
  }
  const strettoResult_t ended = needs_group ? strettoGroupEnd() : strettoSuccess;
  return first == strettoSuccess ? ended : first;
}

/// Compares what is rough, and completes the image of what must be there.
std::string Job::verify_piece(const Piece& piece) {
  const std::size_t element_bytes = data_type_bytes(call_.type);
  const std::size_t bytes = piece.count * element_bytes;
  if (bytes == 0) return {};
  std::byte* const image = (in_place_ ? send_ : *receive_).image() + byte_place(piece, false);
  if (piece.source != Piece::kAllRanks) {
    repeat(image, bytes, input_pattern(call_, piece.source, piece.block, piece.count));
    return {};
  }
  const Expected expected = reduced_pattern(call_, piece.block, piece.count);
  if (!expected.exact.empty()) {
    repeat(image, bytes, expected.exact);
    return {};
  }
  const std::byte* const got = place(piece, false);
  for (std::size_t i = 0; i < piece.count; ++i) {
    if (std::string wrong = judge(call_, expected, got + i * element_bytes, i); !wrong.empty()) return wrong;
  }
  std::memcpy(image, got, bytes);
  return {};
}

std::string Job::verify() {
  // In place, what is only sent may have been used on the way.
  if (in_place_) {
    for (const Piece& piece : layout_.send) {
      const std::size_t at = byte_place(piece, true);
      std::memcpy(send_.image() + at, send_.data() + at, piece.count * data_type_bytes(call_.type));
    }
  }
  for (const Piece& piece : layout_.receive) {
    if (std::string wrong = verify_piece(piece); !wrong.empty()) return wrong;
  }
  if (receive_) {
    if (const std::string wrong = receive_->difference(); !wrong.empty()) return "recvbuff: " + wrong;
  }
  const std::string wrong = send_.difference();
  return wrong.empty() ? wrong : (in_place_ ? "buffer: " : "sendbuff was written: ") + wrong;
}

std::string Job::text() const { return to_string(call_) + (in_place_ ? ", in place" : ""); }

}  // namespace stretto::script
