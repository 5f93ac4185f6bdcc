// The hot path: the two ends of a connection. No locks, no system calls; a waiting receiver reads one line, which is
// its own until the sender writes it.
//
// Memory ordering. Two words carry it all, each with a single writer:
//  - the flag of a slot line. The sender writes payload, tag, then the flag with release; the receiver reads the flag
//    with acquire, and only when it shows the expected sequence number reads the rest. So it reads what was written.
//    The sequence number is the position + 1 modulo 2^32. The slot's previous flag is `slots` less (zero at first use),
//    so the expected number can only come from the message expected. Nobody resets a flag: the receiver never writes
//    a slot line, and the line stays where it was read.
//  - the credit word. The receiver reads the payload, then stores its position with release; the sender loads it with
//    acquire before it writes a slot again. So the receiver's reads come before the sender's next writes.
// Positions are 32 bits and wrap; only differences are compared, and those are at most `slots`.
//
// The peer's memory is not trusted: a flag with too many bytes is shown as an empty message (which no receiver that
// compares bytes() with its own expectation takes for good), a bad credit can only make the sender wait or overwrite
// its own slots. A receiver that reads a slot while the peer rewrites it gets wrong bytes, never a wrong address.
#pragma once

#include <cstring>

#include "base/error.hpp"
#include "transports/shm/layout.hpp"
#include "transports/transport.hpp"

namespace stretto::shm {

/// What both ends of a connection know about it.
struct PortConfig {
  Connection connection;
  std::uint32_t slots = 0;
  std::size_t slot_bytes = 0;
  std::uint32_t first_position = 0;
};

/// Ports of different ranks may be used by different threads of one process: each has its lines for itself.
class alignas(kPairBytes) ShmSendPort final : public SendPort {
 public:
  explicit ShmSendPort(const PortConfig& config)
      : lines_(config.connection.lines),
        credits_(config.connection.credits),
        data_(config.connection.data),
        slot_bytes_(config.slot_bytes),
        slots_(config.slots),
        position_(config.first_position),
        released_(config.first_position) {}

  bool try_acquire() override {
    // The cached credit is enough most of the time; the receiver's line is fetched only when it is used up.
    if (has_slot()) [[likely]]
      return true;
    released_ = credits_->released.load(std::memory_order_acquire);
    return has_slot();
  }

  std::byte* slot(std::size_t bytes) override {
    STRETTO_ASSERT(bytes <= slot_bytes_);
    filled_bytes_ = bytes;
    return bytes <= kInlineBytes ? line().payload : data_ + index() * slot_bytes_;
  }

  void put(const void* source, std::size_t bytes) override {
    std::byte* const target = slot(bytes);
    if (bytes == sizeof(std::uint64_t)) {  // worth its branch: no call for the tiniest messages
      std::memcpy(target, source, sizeof(std::uint64_t));
    } else if (bytes > 0) {
      std::memcpy(target, source, bytes);
    }
  }

  void signal(std::size_t bytes, const OpTag& tag) override {
    // The receiver looks for the payload where slot() put it for this many bytes.
    STRETTO_ASSERT(has_slot() && (bytes == filled_bytes_ || bytes == 0));
    SlotLine& current = line();
    current.tag = tag;
    ++position_;
    current.flag.store(std::uint64_t{bytes} << 32 | position_, std::memory_order_release);
    filled_bytes_ = 0;
  }

  /// Slots are copies: they never alias this rank's memory.
  bool drained() override { return true; }

 private:
  bool has_slot() const { return position_ - released_ < slots_; }
  std::uint32_t index() const { return position_ & (slots_ - 1); }
  SlotLine& line() const { return lines_[index()]; }

  SlotLine* lines_;
  const CreditLine* credits_;
  std::byte* data_;
  std::size_t slot_bytes_;
  std::size_t filled_bytes_ = 0;
  std::uint32_t slots_;
  std::uint32_t position_;  ///< messages signalled, modulo 2^32
  std::uint32_t released_;  ///< the credit word as last read
};

class alignas(kPairBytes) ShmReceivePort final : public ReceivePort {
 public:
  explicit ShmReceivePort(const PortConfig& config)
      : lines_(config.connection.lines),
        credits_(config.connection.credits),
        data_(config.connection.data),
        slot_bytes_(config.slot_bytes),
        slots_(config.slots),
        position_(config.first_position) {}

  bool try_wait() override {
    const std::uint64_t flag = line().flag.load(std::memory_order_acquire);
    if (static_cast<std::uint32_t>(flag) != position_ + 1) return false;
    const std::size_t bytes = flag >> 32;
    bytes_ = bytes <= slot_bytes_ ? bytes : 0;
    waited_ = true;
    return true;
  }

  const OpTag& tag() const override { return line().tag; }
  std::size_t bytes() const override { return bytes_; }
  const std::byte* slot() const override {
    return bytes_ <= kInlineBytes ? line().payload : data_ + index() * slot_bytes_;
  }

  void get(void* destination, std::size_t bytes) override {
    STRETTO_ASSERT(waited_ && bytes <= bytes_);
    if (bytes == sizeof(std::uint64_t)) {
      std::memcpy(destination, slot(), sizeof(std::uint64_t));
    } else if (bytes > 0) {
      std::memcpy(destination, slot(), bytes);
    }
  }

  void release() override {
    STRETTO_ASSERT(waited_);
    waited_ = false;
    ++position_;
    credits_->released.store(position_, std::memory_order_release);
  }

 private:
  std::uint32_t index() const { return position_ & (slots_ - 1); }
  const SlotLine& line() const { return lines_[index()]; }

  const SlotLine* lines_;
  CreditLine* credits_;
  const std::byte* data_;
  std::size_t slot_bytes_;
  std::size_t bytes_ = 0;  ///< of the current message, checked
  std::uint32_t slots_;
  std::uint32_t position_;  ///< messages released, modulo 2^32
  bool waited_ = false;
};

}  // namespace stretto::shm
