#include "bootstrap/channel.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

constexpr std::size_t tag_bytes = crypto_aead_chacha20poly1305_ietf_ABYTES;
constexpr std::size_t receive_block_bytes = std::size_t{16} << 10;
constexpr int receive_blocks_per_pump = 16;  // so that one talkative peer does not hold up the others

using Nonce = std::array<unsigned char, crypto_aead_chacha20poly1305_ietf_NPUBBYTES>;

Nonce nonce_of(std::uint64_t frame) {
  Nonce nonce{};
  std::memcpy(nonce.data(), &frame, sizeof(frame));
  return nonce;
}

unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const unsigned char* raw(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }

}  // namespace

Channel::~Channel() {
  sodium_memzero(send_key_.data(), send_key_.size());
  sodium_memzero(receive_key_.data(), receive_key_.size());
}

void Channel::close() {
  socket_.reset();
  out_.clear();
  out_sent_ = 0;
  watched_by_ = nullptr;
}

void Channel::fail(std::string why) {
  failure_ = std::move(why);
  in_.clear();
  in_taken_ = 0;
  close();
}

void Channel::pump() {
  if (socket_) send_some();
  if (socket_) receive_some();
}

void Channel::flush() {
  if (socket_) send_some();
}

void Channel::send_some() {
  while (out_sent_ < out_.size()) {
    const IoResult result = system_->send(socket_.id(), std::span(out_).subspan(out_sent_));
    if (result.status == IoStatus::would_block || (result.status == IoStatus::ok && result.bytes == 0)) return;
    if (result.status != IoStatus::ok) {
      // Not the end yet: what the peer said before it went is still to be read. receive_some finds the end.
      out_.clear();
      out_sent_ = 0;
      return;
    }
    out_sent_ += result.bytes;
    bytes_sent_ += result.bytes;
  }
  out_.clear();
  out_sent_ = 0;
}

void Channel::receive_some() {
  for (int i = 0; i < receive_blocks_per_pump; ++i) {
    // Who does not take frames does not get more bytes: at most one frame and a block are held.
    if (buffered_bytes() >= frame_bytes_max_ + header_bytes) return;
    // Through the stack: in_ has room for what came only. The rendezvous has a channel of every rank.
    std::array<std::byte, receive_block_bytes> block;  // NOLINT(cppcoreguidelines-pro-type-member-init): written below
    const IoResult result =
        system_->receive(socket_.id(), std::span(block).first(sealed_ ? block.size() : stranger_frame_bytes_max));
    const std::size_t got = result.status == IoStatus::ok ? result.bytes : 0;
    in_.insert(in_.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(got));
    bytes_received_ += got;
    if (result.status == IoStatus::would_block || (result.status == IoStatus::ok && got == 0)) return;
    if (result.status == IoStatus::closed) return close();
    if (result.status == IoStatus::failed) {
      failure_ = format("receiving failed: {}", std::strerror(result.os_error));
      return close();
    }
  }
}

std::optional<std::size_t> Channel::announced_bytes() const {
  if (buffered_bytes() < header_bytes) return std::nullopt;
  std::uint32_t length = 0;
  std::memcpy(&length, in_.data() + in_taken_, sizeof(length));
  return length;
}

bool Channel::has_frame() const {
  const auto length = announced_bytes();
  return length && buffered_bytes() >= header_bytes + *length;
}

std::optional<std::vector<std::byte>> Channel::take_frame() {
  const auto length = announced_bytes();
  if (!length) return std::nullopt;
  if (*length == 0 || *length > frame_bytes_max_) {
    fail(format("a frame of {} bytes was announced, 1 to {} are allowed", *length, frame_bytes_max_));
    return std::nullopt;
  }
  if (!has_frame()) return std::nullopt;
  const std::byte* const body = in_.data() + in_taken_ + header_bytes;
  std::vector<std::byte> frame;
  if (sealed_) {
    const Nonce nonce = nonce_of(frames_received_++);
    frame.resize(*length >= tag_bytes ? *length - tag_bytes : 0);
    unsigned long long opened_bytes = 0;
    if (frame.empty() ||
        crypto_aead_chacha20poly1305_ietf_decrypt(raw(frame.data()), &opened_bytes, nullptr, raw(body), *length,
                                                  nullptr, 0, nonce.data(), raw(receive_key_.data())) != 0) {
      fail("a frame's seal is broken");
      return std::nullopt;
    }
  } else {
    frame.assign(body, body + *length);
  }
  in_taken_ += header_bytes + *length;
  if (in_taken_ == in_.size()) {
    in_.clear();
    in_taken_ = 0;
  } else if (in_taken_ >= receive_block_bytes && in_taken_ >= in_.size() / 2) {
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(in_taken_));
    in_taken_ = 0;
  }
  return frame;
}

void Channel::send(std::span<const std::byte> body) {
  if (!socket_) return;
  const std::size_t length = body.size() + (sealed_ ? tag_bytes : 0);
  STRETTO_ASSERT(!body.empty() && length <= member_frame_bytes_max);
  const auto header = static_cast<std::uint32_t>(length);
  const std::size_t before = out_.size();
  out_.resize(before + header_bytes + length);
  std::memcpy(out_.data() + before, &header, sizeof(header));
  std::byte* const place = out_.data() + before + header_bytes;
  if (sealed_) {
    const Nonce nonce = nonce_of(frames_sent_++);
    crypto_aead_chacha20poly1305_ietf_encrypt(raw(place), nullptr, raw(body.data()), body.size(), nullptr, 0, nullptr,
                                              nonce.data(), raw(send_key_.data()));
  } else {
    std::memcpy(place, body.data(), body.size());
  }
}

void Channel::seal(const Key& send_key, const Key& receive_key) {
  STRETTO_ASSERT(!sealed_);
  send_key_ = send_key;
  receive_key_ = receive_key;
  sealed_ = true;
  frame_bytes_max_ = member_frame_bytes_max;
}

void Channel::watch(WaitSet& waits, bool anew) {
  const std::uint8_t writes = flushed() ? std::uint8_t{0} : std::uint8_t{WaitSet::writable};
  register_for(waits, static_cast<std::uint8_t>(WaitSet::readable | writes), anew);
}

void Channel::watch_writes(WaitSet& waits) {
  register_for(waits, flushed() ? std::uint8_t{0} : std::uint8_t{WaitSet::writable}, false);
}

void Channel::register_for(WaitSet& waits, std::uint8_t events, bool anew) {
  if (!socket_) return;
  if (!anew && watched_by_ == &waits && watched_events_ == events) return;
  waits.watch(socket_.id(), events);
  watched_by_ = &waits;
  watched_events_ = events;
}

}  // namespace stretto
