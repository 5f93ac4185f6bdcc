// Packing numbers and strings into bytes for other ranks: fixed width, little endian, lengths checked on the way in.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.hpp"

namespace stretto {

static_assert(std::endian::native == std::endian::little, "wire.hpp writes native byte order");

class WireWriter {
 public:
  template <typename T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>) void number(T value) {
    // Not insert(): GCC 12 takes it for an overflow when it inlines the whole (-Wstringop-overflow, in release builds).
    for (const std::byte byte : std::as_bytes(std::span(&value, 1))) bytes_.push_back(byte);
  }
  void blob(std::span<const std::byte> bytes) {
    number(static_cast<std::uint32_t>(bytes.size()));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void text(std::string_view value) { blob(std::as_bytes(std::span(value))); }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Throws Error(strettoRemoteError) when the bytes end early: the sender is broken or of another version.
class WireReader {
 public:
  explicit WireReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>) T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::span<const std::byte> blob() { return take(number<std::uint32_t>()); }
  std::string text() {
    const std::span<const std::byte> bytes = blob();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::span<const std::byte> take(std::size_t count) {
    if (count > bytes_.size()) throw Error(strettoRemoteError, "a message from another rank ends early");
    const std::span<const std::byte> head = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return head;
  }

  std::span<const std::byte> bytes_;
};

}  // namespace stretto
