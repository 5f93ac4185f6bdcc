// Which lane of the windows each capture has: an agreement of all ranks, though they learn of captures and of the
// deaths of graphs at different times. Pure: messages go in and out, somebody else carries them.
//
// Captures are numbered in their order, which is the same on all ranks. Lanes are granted to numbers, one after
// another: the first ones from the start, so that nobody has to ask; then those whose graphs are dead on all ranks;
// then, where captures wait for more, those of a further bank, which all ranks make. Rank 0 alone decides. Its words
// reach each rank in the order in which it said them, so all have the same lane for a capture, whenever they ask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace stretto {

class LaneLedger {
 public:
  /// Instead of a lane: why there is none. Positive numbers are lanes.
  enum Refusal : std::int32_t { too_many = 0, no_memory = -1 };
  struct Limits {
    int bank_lanes = 8;
    int lanes_most = 512;
  };
  /// All ranks have bank 0: lanes 1 to bank_lanes.
  LaneLedger(Rank rank, int n_ranks, Limits limits);

  /// What capture `number` has: a lane, or a Refusal; nullopt: not granted yet.
  std::optional<std::int32_t> granted(std::uint64_t number) const;
  /// Captures up to `number` wait here.
  void want(std::uint64_t number);
  /// Here the graph of capture `number` is gone, which had a lane, and nothing of it runs any more.
  void died(std::uint64_t number);

  /// The bank that all ranks are to make now; once each.
  std::optional<int> bank_to_make() { return std::exchange(to_make_, std::nullopt); }
  /// What this rank says of its part of a bank; nullopt: it has no memory for it.
  void made(std::optional<std::vector<std::byte>> description);
  /// What all ranks say of theirs, once each; to be opened now.
  std::optional<std::vector<std::vector<std::byte>>> descriptions_to_open();
  void opened(bool well);
  /// The bank under way came to nothing, on some rank: once each.
  bool has_failed() { return std::exchange(failed_, false); }

  /// Rank 0 decides what time has brought about.
  void poll(std::int64_t now_ns);
  /// Whether time may bring something about.
  bool waits() const { return wanted_ > n_granted_; }
  /// Throws Error for what no rank of this version says.
  void hear(Rank from, std::span<const std::byte> word);
  /// For all other ranks, in this order.
  std::vector<std::vector<std::byte>> take_words() { return std::exchange(words_, {}); }

 private:
  enum class Word : std::uint8_t { want, died, make, made, opened, granted };

  bool decides() const { return rank_ == 0; }
  void grant(std::int32_t lane);
  void note_want(std::uint64_t number);
  void note_died(std::uint64_t number);
  void note_made(Rank from, std::optional<std::vector<std::byte>> description);
  void note_opened(bool well);
  void say(Word kind, std::uint64_t number);
  void end_bank();

  const Rank rank_;
  const int n_ranks_;
  const Limits limits_;
  std::vector<std::vector<std::byte>> words_;
  std::map<std::uint64_t, std::int32_t> grants_;  ///< by capture: of those whose graphs are not known to be dead
  std::uint64_t n_granted_ = 0;
  std::uint64_t wanted_ = 0;  ///< captures, of which rank 0 was told by any rank

  // The bank under way, on every rank:
  int n_banks_ = 1;
  bool making_ = false;
  std::optional<int> to_make_;
  std::vector<std::optional<std::vector<std::byte>>> descriptions_;  ///< by rank
  std::size_t n_described_ = 0;
  bool failed_ = false;
  // For rank 0 alone:
  std::map<std::uint64_t, int> dead_on_;  ///< by capture: so many ranks, but not all
  int n_opened_ = 0;
  bool all_well_ = true;
  std::int64_t waited_since_ns_ = 0;  ///< 0: nobody waits
};

}  // namespace stretto
