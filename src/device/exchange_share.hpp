// How channels part what an exchange moves.
#pragma once

#include "device/window.hpp"

namespace stretto::device {

/// A channel's part of a message or a block.
struct ExchangeShare {
  std::uint64_t begin;
  std::uint32_t bytes;

  STRETTO_DEVICE static ExchangeShare of(std::uint32_t channel, std::uint64_t bytes, std::uint64_t share_bytes) {
    const std::uint64_t offset = channel * share_bytes;
    const std::uint64_t begin = offset < bytes ? offset : bytes;
    const std::uint64_t left = bytes - begin;
    return {begin, static_cast<std::uint32_t>(left < share_bytes ? left : share_bytes)};
  }
  STRETTO_DEVICE std::uint32_t packets() const {
    return (bytes + static_cast<std::uint32_t>(kPacketPayload_bytes) - 1) /
           static_cast<std::uint32_t>(kPacketPayload_bytes);
  }
  STRETTO_DEVICE std::uint32_t left_at(std::uint32_t packet) const {
    const std::uint32_t offset = packet * static_cast<std::uint32_t>(kPacketPayload_bytes);
    return bytes > offset ? bytes - offset : 0;
  }
};

}  // namespace stretto::device
