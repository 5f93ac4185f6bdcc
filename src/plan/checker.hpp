// The proof of plans. Given the programs of all ranks for a sequence of operations, decides, for every possible
// interleaving and any skew between ranks, whether they end, race, and leave what the collectives demand.
//
// Independence: nothing here is shared with what builds, chooses or runs plans; the checker knows only plan.hpp and
// the rows of collective.hpp.
//
// Why one pass decides it: connections are first-in first-out with one writer and one reader, so which signal meets
// which wait, and which release gives which credit, is the same in every execution. The happens-before order is
// therefore one fixed partial order: whether it has a cycle (deadlock) and which accesses it leaves unordered (races)
// do not depend on the order in which the pass walks it, and without a race every walk moves the same values.
//
// The order has these edges and no others:
//   - the steps of a strand, round after round, in program order;
//   - k-th signal -> k-th wait of a connection; (k - slots)-th release -> k-th wait_credit;
//     release of all that was signalled -> wait_drain. Counting goes on over operations;
//   - an operation of a rank begins when its previous one has ended, which is when all its strands have ended;
//   - where slots are aliases of the receiver's output: the receiver's begin of the operation -> wait_credit.
// A rank's user may write its buffers at any time before an operation begins and after it has ended.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.hpp"

namespace stretto {

/// Where the bytes of a connection's slots live, part by part: zero copy is a fact of execution and never changes the
/// plan.
enum class Alias : std::uint8_t {
  copied,          ///< slots are memory of their own
  sender,          ///< a put from input or output moves nothing: the receiver reads the sender's buffer
  receiver,        ///< a slot that the receiver gets into its output is that output: the sender writes it, get is empty
  sender_first,    ///< both: sender where it applies, else receiver
  receiver_first,  ///< both: receiver where it applies, else sender
  mixed,           ///< each connection one of the above, drawn from the seed
};
inline constexpr int kUniformAliases = 5;

/// One collective, as all ranks carry it out.
struct CheckedOperation {
  PlanSpec spec;
  std::int32_t chunks_per_block = 1;
  const std::vector<Program>* programs = nullptr;  ///< one per rank; owned by the caller
  std::int32_t rounds = 1;                         ///< of every channel
  std::vector<bool> in_place;                      ///< per rank, since it is a local fact; empty: none is
  std::int32_t parts_per_slot = 1;
};

struct CheckConfig {
  std::int32_t slots = 1;  ///< per connection, at least 1
  Alias alias = Alias::copied;
  std::uint64_t seed = 0;  ///< of Alias::mixed
};

enum class ProblemKind : std::uint8_t {
  none,
  structure,           ///< breaks a rule of plan.hpp: an operand that is not legal, a slot used out of turn
  unbalanced_signals,  ///< the two ends of a connection disagree about how many messages pass
  deadlock,
  race,
  touched_outside_operation,  ///< a peer may touch a user's buffer before its operation begins or after it has ended
  input_clobbered,
  double_contribution,
  wrong_contribution,
  wrong_completes,
  missing_output,
  unequal_sums,  ///< ranks add the same numbers in different orders, so their results may differ in the last bits
};

struct CheckReport {
  ProblemKind kind = ProblemKind::none;
  std::int32_t operation = -1;
  Rank rank = -1;
  std::int32_t strand = -1;
  std::int32_t step = -1;  ///< of the body, or of the epilogue
  bool in_epilogue = false;
  std::int32_t round = -1;
  std::string text;  ///< for people

  bool ok() const { return kind == ProblemKind::none; }
};

/// Checks the sequence; reports the first problem found. All operations have the same number of ranks.
CheckReport check(std::span<const CheckedOperation> operations, const CheckConfig& config);

std::string_view problem_kind_name(ProblemKind kind) noexcept;
std::string_view alias_name(Alias alias) noexcept;

}  // namespace stretto
