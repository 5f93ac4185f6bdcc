#include "comm/debug_verdict.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include "base/datatypes.hpp"
#include "base/text.hpp"
#include "comm/debug_fold.hpp"

namespace stretto {
namespace {

constexpr std::string_view kAdvice =
    "Memory was overwritten: look for a thread or another operation that uses one of the buffers before this one has "
    "ended; if there is none, for faulty memory or a bug";

using Ranks = std::vector<Rank>;

std::string list(const Ranks& ranks) {
  constexpr std::size_t kShown = 8;
  std::string text = ranks.size() == 1 ? "rank" : "ranks";
  for (std::size_t i = 0; i < std::min(ranks.size(), kShown); ++i) {
    text += format("{}{}", i == 0 ? " " : ", ", ranks[i]);
  }
  if (ranks.size() > kShown) text += format(" and {} more", ranks.size() - kShown);
  return text;
}

std::string block_name(const DebugCase& of, std::int32_t block) {
  switch (of.row->blocks) {
    case Blocks::per_rank:
      return format("block {}", block);
    case Blocks::per_pair:
      return format("rank {}'s block for rank {}", block / of.n_ranks, block % of.n_ranks);
    case Blocks::one:
      break;
  }
  return "the buffer";
}

std::uint64_t word_at(const std::vector<std::uint64_t>& words, const BlockWindow& window, std::int32_t block) {
  return words[static_cast<std::size_t>(window.position(block))];
}

const DebugReport& report_of(std::span<const DebugReport> reports, Rank rank) {
  return reports[static_cast<std::size_t>(rank)];
}

/// Ranks by the word that they have.
using Groups = std::map<std::uint64_t, Ranks>;

Groups::const_iterator largest(const Groups& groups) {
  return std::ranges::max_element(groups, {}, [](const auto& group) { return group.second.size(); });
}

std::optional<DebugFinding> changed_input(const DebugCase& of, std::span<const DebugReport> reports,
                                          std::int64_t operation) {
  for (Rank rank = 0; rank < of.n_ranks; ++rank) {
    const DebugReport::Head& head = report_of(reports, rank).head;
    if (head.changed_block == DebugReport::kNone) continue;
    const std::string block = block_name(of, static_cast<std::int32_t>(head.changed_block));
    return DebugFinding{describe_change(rank, block, of.row->name, operation, head.hash_before, head.hash_after), rank};
  }
  return std::nullopt;
}

/// The ranks that hold a block, by what they hold.
Groups holders(const DebugCase& of, std::span<const DebugReport> reports, std::int32_t block) {
  Groups groups;
  for (Rank rank = 0; rank < of.n_ranks; ++rank) {
    const BlockWindow window = of.output_of(rank);
    if (window.contains(block)) groups[word_at(report_of(reports, rank).output, window, block)].push_back(rank);
  }
  return groups;
}

std::optional<DebugFinding> bad_copy(const DebugCase& of, std::span<const DebugReport> reports,
                                     std::int64_t operation) {
  for (std::int32_t block = 0; block < block_count(of.row->blocks, of.n_ranks); ++block) {
    const Rank origin = origin_of(*of.row, block, of.request.root, of.n_ranks);
    const std::uint64_t given = word_at(report_of(reports, origin).input, of.input_of(origin), block);
    Groups groups = holders(of, reports, block);
    const auto right = groups.find(given);
    const std::size_t n_right = right == groups.end() ? 0 : right->second.size();
    if (right != groups.end()) groups.erase(right);
    if (groups.empty()) continue;
    const auto& [found, wrong] = *largest(groups);
    const bool everywhere = n_right == 0 && groups.size() == 1 && wrong.size() > 1;
    std::string text = format(
        "the checksums of {} (operation {}) differ: {} was {:016x} on rank {}, which gave it, but is {:016x} on {}; {} "
        "ranks hold it as it was given. ",
        of.row->name, operation, block_name(of, block), given, origin, found, list(wrong), n_right);
    if (everywhere) text += format("All have the same, so rank {}'s own memory is suspect. ", origin);
    return DebugFinding{text + std::string(kAdvice), everywhere ? origin : wrong.front()};
  }
  return std::nullopt;
}

std::optional<DebugFinding> unequal_results(const DebugCase& of, std::span<const DebugReport> reports,
                                            std::int64_t operation) {
  Groups groups;
  for (Rank rank = 0; rank < of.n_ranks; ++rank) groups[report_of(reports, rank).head.result_hash].push_back(rank);
  if (groups.size() < 2) return std::nullopt;
  const auto [most, agreeing] = *largest(groups);
  groups.erase(most);
  const auto [odd, differing] = *largest(groups);
  const bool majority = agreeing.size() > differing.size();
  return DebugFinding{
      format("the checksums of {} (operation {}) differ: the result is {:016x} on {}, but {:016x} on {}{}. {}",
             of.row->name, operation, most, list(agreeing), odd, list(differing),
             majority ? ", the minority" : ", as many", kAdvice),
      majority ? differing.front() : Rank{-1}};
}

/// Integers: what all inputs come to is what the result comes to.
std::optional<DebugFinding> bad_reduction(const DebugCase& of, std::span<const DebugReport> reports,
                                          std::int64_t operation) {
  const Request& request = of.request;
  std::vector<std::uint64_t> given(static_cast<std::size_t>(of.n_ranks));
  for (std::int32_t block = 0; block < block_count(of.row->blocks, of.n_ranks); ++block) {
    for (Rank rank = 0; rank < of.n_ranks; ++rank) {
      given[static_cast<std::size_t>(rank)] = word_at(report_of(reports, rank).input, of.input_of(rank), block);
    }
    const std::uint64_t expected = fold_again(request.type, request.op, given);
    Groups groups = holders(of, reports, block);
    groups.erase(expected);
    if (groups.empty()) continue;
    const auto& [found, wrong] = *largest(groups);
    return DebugFinding{
        format(
            "the checksums of {} (operation {}) differ: the {} of all elements of {} is {:016x} over the inputs, but "
            "{:016x} in the result on {}. {}",
            of.row->name, operation, red_op_name(request.op), block_name(of, block), expected, found, list(wrong),
            kAdvice),
        wrong.front()};
  }
  return std::nullopt;
}

}  // namespace

std::optional<DebugFinding> find_mismatch(const DebugCase& of, std::span<const DebugReport> reports,
                                          std::int64_t operation) {
  if (auto found = changed_input(of, reports, operation)) return found;
  if (!of.row->reduces) return bad_copy(of, reports, operation);
  const bool all_hold_it = of.row->blocks == Blocks::one && !of.row->output.root_only;
  if (all_hold_it) {
    if (auto found = unequal_results(of, reports, operation)) return found;
  }
  return of.folds ? bad_reduction(of, reports, operation) : std::nullopt;
}

std::optional<SpecialFinding> find_special_values(std::span<const DebugReport> reports) {
  SpecialFinding found;
  for (const bool in_result : {false, true}) {
    for (std::size_t rank = 0; rank < reports.size(); ++rank) {
      const DebugReport::Head& head = reports[rank].head;
      const SpecialValues& values = in_result ? head.output : head.input;
      if (values.total() == 0) continue;
      if (found.n_ranks++ == 0) {
        found.rank = static_cast<Rank>(rank);
        found.in_result = in_result;
        found.values = values;
      }
    }
    if (found.n_ranks > 0) return found;
  }
  return std::nullopt;
}

std::string describe(const SpecialFinding& found, std::string_view collective, std::int64_t operation) {
  const std::string values = format("{} NaNs and {} infinities, the first as element {}", found.values.nans,
                                    found.values.infinities, found.values.first);
  if (!found.in_result) {
    std::string text = format("rank {}'s input of {} (operation {}) has {}", found.rank, collective, operation, values);
    if (found.n_ranks > 1) text += format(", and {} other ranks' inputs have some too", found.n_ranks - 1);
    return text;
  }
  return format(
      "rank {}'s result of {} (operation {}) has {}, though no rank's input has any: the reduction overflowed, or went "
      "on "
      "with what had",
      found.rank, collective, operation, values);
}

std::string describe_message(Rank from, Rank to, std::uint64_t sent, std::uint64_t received) {
  return format(
      "the message that rank {} sent to rank {} differs: its checksum was {:016x} there, but is {:016x} here. {}", from,
      to, sent, received, kAdvice);
}

std::string describe_change(Rank rank, std::string_view block, std::string_view collective, std::int64_t operation,
                            std::uint64_t before, std::uint64_t after) {
  return format(
      "rank {}'s input of {} (operation {}) changed during the operation: the checksum of {} was {:016x} before and is "
      "{:016x} after. {}",
      rank, collective, operation, block, before, after, kAdvice);
}

}  // namespace stretto
