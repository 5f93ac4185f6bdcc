// All ranks of a communicator in one process, each strand of their device programs run by a block of host threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <vector>

#include "device/exchange.hpp"
#include "device/program.hpp"
#include "device/window.hpp"
#include "exec/device_program.hpp"
#include "plan/plan.hpp"
#include "thread_kernels.hpp"
#include "thread_machine.hpp"

namespace stretto::test {

/// One rank's part in an operation; none without a program or an exchange.
struct RankCall {
  const DeviceProgram* program = nullptr;
  const void* input = nullptr;
  void* output = nullptr;
  std::uint64_t scalar = 0;
  bool multiplies = false;
  bool orders_halves = false;                  ///< input and output share memory
  const device::Exchange* exchange = nullptr;  ///< in place of a program
  std::uint32_t channels = 0;                  ///< of it
  bool short_sum = false;                      ///< by the kernel for the smallest sums, which the exchange must fit
};

struct RankResult {
  std::vector<LoggedStep> steps;
  std::vector<Failure> failures;
};

class DeviceTeam {
 public:
  DeviceTeam(const device::WindowShape& shape, std::uint64_t seed);

  /// As if so many messages had passed on every connection, for counters that are about to wrap.
  void pretend_history(std::uint32_t messages) { pretend_history(messages, messages); }
  /// `signalled`: of them, those that slots' counters know of.
  void pretend_history(std::uint32_t messages, std::uint32_t signalled);
  /// As if `by` had released none of the messages that fit its slots, on any channel.
  void withhold_credits(Rank from, Rank by);
  /// As if an exchange of `rank` with `peer` were under way.
  void pretend_busy(Rank rank, Rank peer);
  /// As a run does that has read the words of channel 0 before others took `n_messages` of the peer's.
  void pretend_behind(Rank rank, Rank peer, std::uint32_t n_messages);
  /// May be called by several threads at once, for ranks of their own. `calls` by rank; a rank without a program does
  /// not take part. `op` of the collectives that do not reduce: any.
  std::vector<RankResult> run(device::Protocol protocol, strettoDataType_t type, strettoRedOp_t op, bool reduces,
                              const std::vector<RankCall>& calls);

  const device::WindowShape& shape() const { return shape_; }
  bool is_dead(Rank rank) const;
  /// All of its window, as it is now.
  std::vector<std::byte> window_bytes(Rank rank) const;
  /// Packets that have the flags of a message, of the connection peer -> owner on channel 0.
  std::size_t flags_of_message(Rank owner, Rank peer, std::uint32_t message) const;
  /// Wide packets, likewise.
  std::size_t wide_flags_of_message(Rank owner, Rank peer, std::uint32_t message) const;
  /// Whether all that was sent was received and released, and halves agree on what has passed.
  bool is_quiet() const;

  std::uint32_t threads_per_block = 2;
  std::int64_t timeout_ms = 20'000;

 private:
  struct Memory {
    std::byte* data = nullptr;
    std::unique_ptr<std::byte[]> bytes;
  };
  device::Window window(Rank rank) const;
  /// action(the words, those of the peer's that belong to them, slots that its messages have)
  template <class Action>
  void each_link(const Action& action) const;
  device::Operation operation_of(const RankCall& call, Rank rank) const;
  void set_exchange(device::Exchange& exchange, const RankCall& call, Rank rank) const;
  std::vector<RankResult> run_kernels(std::vector<std::unique_ptr<struct TeamKernel>>& kernels);

  device::WindowShape shape_;
  std::vector<Memory> windows_;
  std::vector<std::byte*> addresses_;
  std::mutex mutex_;  ///< of what follows
  std::mt19937_64 random_;
};

}  // namespace stretto::test
