#include "bootstrap/meeting.hpp"

#include <algorithm>
#include <cstring>

namespace stretto {

IoStatus MeetingWire::flush(System& system) {
  const auto bytes = std::as_bytes(std::span(&out_, 1));
  while (sending()) {
    const IoResult result = system.send(socket_.id(), bytes.subspan(sent_bytes_));
    if (result.status != IoStatus::ok) return result.status;
    if (result.bytes == 0) return IoStatus::would_block;
    sent_bytes_ += result.bytes;
  }
  return IoStatus::ok;
}

IoStatus MeetingWire::fill(System& system) {
  const auto bytes = std::as_writable_bytes(std::span(&in, 1));
  while (in_bytes_ < bytes.size()) {
    const IoResult result = system.receive(socket_.id(), bytes.subspan(in_bytes_));
    if (result.status != IoStatus::ok) return result.status;
    if (result.bytes == 0) return IoStatus::would_block;
    in_bytes_ += result.bytes;
  }
  return IoStatus::ok;
}

void MeetingWire::watch(WaitSet& waits) {
  waits.watch(socket_.id(), static_cast<std::uint8_t>(WaitSet::readable | (sending() ? WaitSet::writable : 0)));
}

namespace {

void fill(std::span<char> to, const std::string& from) {
  std::memcpy(to.data(), from.data(), std::min(from.size(), to.size() - 1));
}

/// It came from another process: perhaps without an end.
std::string text_of(std::span<const char> bytes) {
  return std::string(bytes.begin(), std::find(bytes.begin(), bytes.end(), '\0'));
}

}  // namespace

void put_refusal(MeetingCard& card, const ErrorInfo& why) {
  card.code = why.code;
  card.peer = why.peer;
  fill(card.field, why.field);
  fill(card.text, why.text);
}

ErrorInfo refusal_of(const MeetingCard& card) {
  ErrorInfo info;
  const bool known = card.code > strettoSuccess && card.code < strettoNumResults;
  info.code = known ? static_cast<strettoResult_t>(card.code) : strettoRemoteError;
  info.peer = card.peer >= 0 && card.peer < card.n_ranks ? card.peer : -1;
  info.field = text_of(card.field);
  info.text = text_of(card.text);
  return info;
}

}  // namespace stretto
