// Sends and receives of a device communicator, as the engine binds and launches them.
#include <algorithm>
#include <bit>
#include <utility>

#include "comm/device_engine.hpp"

namespace stretto {

std::shared_ptr<DeviceLaunch> DeviceEngine::make_pair_launch(const PairLaunch& pair, const Lane& lane, Kept kept) {
  auto bound = std::make_shared<DeviceLaunch>();
  bound->launch.reduces = false;
  bound->launch.blocks = pair.blocks;
  bound->launch.threads = pair.threads;
  bound->launch.pairs = pair.program.has_value();
  bound->strands = pair.strands;
  if (pair.program) {
    bound->launch.protocol = device::Protocol::slots;
    bound->launch.arguments = &bound->arguments;
    place_image(*bound, *pair.program, lane, kept);
  } else {
    prepare_exchange(*bound, pair.exchange, lane);
  }
  return bound;
}

DevicePairs DeviceEngine::bind_pairs(std::span<const DeviceTransfer> transfers, const Lane& lane) {
  DevicePairs pairs;
  std::vector<DeviceTransfer> others;
  for (const DeviceTransfer& transfer : transfers) {
    (transfer.peer != rank() ? others : transfer.sends ? pairs.to_self : pairs.from_self).push_back(transfer);
  }
  STRETTO_ASSERT(pairs.to_self.size() == pairs.from_self.size());
  pairs.launches = pair_launches(others, lane);
  return pairs;
}

/// Those that come again are kept, unless they are exchanges, which have no image and are made at once.
std::vector<std::shared_ptr<DeviceLaunch>> DeviceEngine::pair_launches(std::span<const DeviceTransfer> others,
                                                                       const Lane& lane) {
  const bool is_eager = lane.number == 0;
  if (is_eager) {
    if (const PairCache::Entry* known = pair_cache_.find(others); known != nullptr) return known->launches;
  }
  const std::vector<PairLaunch> lowered = lower_pairs(others, lane.windows->shape());
  const bool has_image = std::ranges::any_of(lowered, [](const PairLaunch& pair) { return pair.program.has_value(); });
  PairCache::Entry* const entry = is_eager && has_image ? pair_cache_.note(others) : nullptr;
  const Kept kept = entry != nullptr ? Kept::with_the_launch : is_eager ? Kept::until_it_has_run : Kept::with_the_graph;
  std::vector<std::shared_ptr<DeviceLaunch>> launches;
  for (const PairLaunch& pair : lowered) {
    launches.push_back(make_pair_launch(pair, lane, kept));
    if (entry != nullptr) launches.back()->has_run = entry->has_run;
  }
  if (entry != nullptr) entry->launches = launches;
  return launches;
}

void DeviceEngine::launch(DevicePairs& pairs, Ticket ticket) {
  // Copies within the rank wait for nothing; an exchange with nobody does it for them.
  if (pairs.launches.empty() && ticket.waits)
    pairs.launches.push_back(make_pair_launch({}, ticket.lane, Kept::until_it_has_run));
  std::uint32_t most = 0;
  std::uint32_t strands = 0;
  for (const std::shared_ptr<DeviceLaunch>& bound : pairs.launches) {
    most = std::max(most, bound->launch.blocks);
    strands += bound->strands;
  }
  if (ticket.turn != nullptr) ticket.turn->take(most, strands, strands_launched_);
  for (const std::shared_ptr<DeviceLaunch>& bound : pairs.launches) {
    if (bound->launch.exchange != nullptr) {
      address(bound->exchange, ticket);
    } else {
      address(bound->arguments, ticket);
    }
    gpu().launch(bound->launch, ticket.stream);
    if (ticket.lane.number == 0) launched(*bound, ticket.stream);
    ticket.waits = false;  // the next one is in the same stream
  }
  for (std::size_t i = 0; i < pairs.to_self.size(); ++i) {
    const DeviceTransfer& from = pairs.to_self[i];
    const std::uint64_t to = pairs.from_self[i].address;
    if (from.bytes == 0 || from.address == to) continue;
    gpu().copy_in_stream(std::bit_cast<std::byte*>(to), std::bit_cast<const std::byte*>(from.address), from.bytes,
                         ticket.stream);
  }
}

}  // namespace stretto
