// Debug mode: checks around every operation of a communicator. Before it begins this rank takes checksums of its input
// and counts NaNs and infinities; when its data is through, it takes those of its output; then all ranks tell one
// another what they saw (one more exchange, of a few words for each block), and each comes to the same verdict. Between
// pairs a checksum rides behind each message.
//
// This holds the state of the current operation and neither sends nor waits: Communicator and Engine do.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "comm/debug_mode.hpp"
#include "comm/debug_report.hpp"
#include "comm/debug_verdict.hpp"

namespace stretto {

class DebugCheck {
 public:
  DebugCheck(DebugMode mode, Rank rank, int n_ranks, std::string comm_name);

  /// Before the engine begins them: one collective, or sends and receives. What rides behind each of these, or nullptr.
  std::uint64_t* begin(std::span<const Operation> operations);

  /// Their data is through. True, once, if reports are to be exchanged: own_report() to all, theirs into reports().
  bool collect();
  std::span<const std::uint64_t> own_report() const;
  /// By rank.
  std::span<std::uint64_t> reports() { return words_; }

  /// After the exchange, if there was one. What is wrong, as an error but for where this rank stands; logs what is only
  /// to be reported.
  std::optional<ErrorInfo> judge(std::int64_t operation);

 private:
  void begin_pairs();
  std::optional<ErrorInfo> judge_pairs(std::int64_t operation);
  std::optional<ErrorInfo> judge_collective(std::int64_t operation);
  std::optional<ErrorInfo> compare_message(std::size_t index, std::size_t& self_sends) const;
  std::optional<ErrorInfo> report_special(const SpecialFinding& found, std::string_view collective,
                                          std::int64_t operation);
  void take_input();
  void note_change();
  void take_output();
  std::uint64_t checksum(const BlockView& block) const;
  std::size_t own_offset() const { return static_cast<std::size_t>(rank_) * DebugReport::words(case_); }

  DebugMode mode_;
  Rank rank_;
  int n_ranks_;
  std::string comm_name_;
  bool input_nans_reported_ = false;
  bool input_infinities_reported_ = false;
  bool results_reported_ = false;

  // Of the current operation:
  std::vector<Operation> operations_;
  bool pairs_ = false;
  bool idle_ = false;  ///< nothing to check
  bool collected_ = false;
  DebugCase case_;
  std::vector<BlockView> inputs_;
  std::vector<std::uint64_t> inputs_before_;  ///< checksums of inputs_
  std::vector<std::uint64_t> riding_;         ///< by operation, between pairs: of what was sent
  SpecialValues sent_;                        ///< of the first send that has some
  std::optional<DebugReport> report_;
  std::vector<std::uint64_t> words_;
};

}  // namespace stretto
