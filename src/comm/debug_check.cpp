#include "comm/debug_check.hpp"

#include <algorithm>
#include <utility>

#include "base/datatypes.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "comm/debug_fold.hpp"
#include "exec/content_hash.hpp"

namespace stretto {
namespace {

std::uint64_t hash_of(const void* memory, std::size_t bytes) { return content_hash(memory, bytes, 0); }

std::size_t bytes_of(const Request& request) { return request.count * data_type_bytes(request.type); }

/// Its peer is the rank that it is about, on that rank too: others hear of it from there.
ErrorInfo mismatch(DebugFinding found) {
  ErrorInfo info;
  info.code = strettoInternalError;
  info.field = "checksum";
  info.peer = found.rank;
  info.text = std::move(found.text);
  return info;
}

}  // namespace

DebugCheck::DebugCheck(DebugMode mode, Rank rank, int n_ranks, std::string comm_name)
    : mode_(mode), rank_(rank), n_ranks_(n_ranks), comm_name_(std::move(comm_name)) {}

std::uint64_t* DebugCheck::begin(std::span<const Operation> operations) {
  operations_.assign(operations.begin(), operations.end());
  const Collective collective = operations_.front().request.collective;
  pairs_ = is_pair_call(collective);
  idle_ = collective == Collective::barrier;
  collected_ = false;
  inputs_.clear();
  inputs_before_.clear();
  if (pairs_) {
    begin_pairs();
    return mode_.checksum ? riding_.data() : nullptr;
  }
  if (idle_) return nullptr;
  case_ = debug_case(operations_.front(), n_ranks_);
  report_.emplace(case_);
  words_.assign(static_cast<std::size_t>(n_ranks_) * DebugReport::words(case_), 0);
  inputs_ = input_blocks(operations_.front(), rank_, n_ranks_);
  take_input();
  return nullptr;
}

/// What an error or a log line says of messages is the first of them.
void DebugCheck::begin_pairs() {
  riding_.assign(operations_.size(), 0);
  sent_ = {};
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    const auto& [request, input, output, timeout_ns, details] = operations_[i];
    if (request.collective != Collective::send) continue;
    if (mode_.checksum) riding_[i] = hash_of(input, bytes_of(request));
    if (!mode_.nan || sent_.total() > 0) continue;
    const BlockView block{0, static_cast<const std::byte*>(input), bytes_of(request), request.count, 0};
    sent_ = special_values(request.type, {&block, 1});
  }
}

/// What the others compare: of blocks that are copied their content, of those that are reduced what can be folded.
std::uint64_t DebugCheck::checksum(const BlockView& block) const {
  if (!case_.row->reduces) return hash_of(block.memory, block.bytes);
  return case_.folds ? fold_elements(case_.request.type, case_.request.op, block.memory, block.count) : 0;
}

void DebugCheck::take_input() {
  if (mode_.nan) report_->head.input = special_values(case_.request.type, inputs_);
  if (!mode_.checksum) return;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    inputs_before_.push_back(hash_of(inputs_[i].memory, inputs_[i].bytes));
    report_->input[i] = case_.row->reduces ? checksum(inputs_[i]) : inputs_before_.back();
  }
}

/// Blocks that are in place are to change; nothing else may have.
void DebugCheck::note_change() {
  const std::vector<BlockView> outputs = output_blocks(operations_.front(), rank_, n_ranks_);
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const BlockView& input = inputs_[i];
    const bool in_place = std::ranges::any_of(
        outputs, [&](const BlockView& output) { return output.block == input.block && output.memory == input.memory; });
    if (in_place) continue;
    const std::uint64_t after = hash_of(input.memory, input.bytes);
    if (after == inputs_before_[i]) continue;
    report_->head.changed_block = static_cast<std::uint64_t>(input.block);
    report_->head.hash_before = inputs_before_[i];
    report_->head.hash_after = after;
    return;
  }
}

void DebugCheck::take_output() {
  const std::vector<BlockView> outputs = output_blocks(operations_.front(), rank_, n_ranks_);
  if (mode_.nan && case_.row->reduces) report_->head.output = special_values(case_.request.type, outputs);
  if (!mode_.checksum) return;
  for (std::size_t i = 0; i < outputs.size(); ++i) report_->output[i] = checksum(outputs[i]);
  if (outputs.size() == 1) report_->head.result_hash = hash_of(outputs.front().memory, outputs.front().bytes);
}

bool DebugCheck::collect() {
  if (std::exchange(collected_, true) || pairs_ || idle_) return false;
  if (mode_.checksum) note_change();
  take_output();
  report_->write(&words_[own_offset()]);
  return n_ranks_ > 1;
}

std::span<const std::uint64_t> DebugCheck::own_report() const {
  return std::span(words_).subspan(own_offset(), DebugReport::words(case_));
}

std::optional<ErrorInfo> DebugCheck::judge(std::int64_t operation) {
  if (idle_) return std::nullopt;
  std::optional<ErrorInfo> found = pairs_ ? judge_pairs(operation) : judge_collective(operation);
  operations_.clear();  // what they refer to may be used again
  return found;
}

std::optional<ErrorInfo> DebugCheck::judge_collective(std::int64_t operation) {
  const std::size_t words = DebugReport::words(case_);
  std::vector<DebugReport> reports(static_cast<std::size_t>(n_ranks_), *report_);
  for (std::size_t rank = 0; rank < reports.size(); ++rank) reports[rank].read(&words_[rank * words]);
  if (mode_.checksum) {
    if (auto found = find_mismatch(case_, reports, operation)) return mismatch(std::move(*found));
  }
  if (!mode_.nan) return std::nullopt;
  const std::optional<SpecialFinding> found = find_special_values(reports);
  return found ? report_special(*found, case_.row->name, operation) : std::nullopt;
}

/// Of a message that this rank has received, or of a send whose memory must be as it was.
std::optional<ErrorInfo> DebugCheck::compare_message(std::size_t index, std::size_t& self_sends) const {
  const Request& request = operations_[index].request;
  std::uint64_t sent = riding_[index];
  if (request.root == rank_) {  // nothing rode: it is the next of those that this rank sent itself
    const auto to_self = [&](const Operation& each) {
      return each.request.collective == Collective::send && each.request.root == rank_;
    };
    while (!to_self(operations_[self_sends])) ++self_sends;
    sent = riding_[self_sends++];
  }
  const std::uint64_t received = hash_of(operations_[index].output, bytes_of(request));
  if (received == sent) return std::nullopt;
  return mismatch({describe_message(request.root, rank_, sent, received), request.root});
}

std::optional<ErrorInfo> DebugCheck::judge_pairs(std::int64_t operation) {
  std::size_t self_sends = 0;
  for (std::size_t i = 0; mode_.checksum && i < operations_.size(); ++i) {
    const Operation& each = operations_[i];
    if (each.request.collective == Collective::receive) {
      if (auto found = compare_message(i, self_sends)) return found;
      continue;
    }
    const std::uint64_t after = hash_of(each.input, bytes_of(each.request));
    if (after == riding_[i]) continue;
    return mismatch({describe_change(rank_, "the buffer", "send", operation, riding_[i], after), rank_});
  }
  if (sent_.total() == 0) return std::nullopt;
  return report_special({rank_, false, sent_, 1}, "send", operation);
}

/// The first of each kind is told by the rank that has it and by rank 0. As errors they are everyone's.
std::optional<ErrorInfo> DebugCheck::report_special(const SpecialFinding& found, std::string_view collective,
                                                    std::int64_t operation) {
  const std::string text = describe(found, collective, operation);
  if (mode_.nan_error) {
    ErrorInfo info;
    info.code = strettoInvalidUsage;
    info.field = found.in_result ? "recvbuff" : "sendbuff";
    info.peer = found.rank;
    info.text = text + ". STRETTO_DEBUG has nan-error, which makes this an error";
    return info;
  }
  bool is_new = false;
  const auto note = [&](bool seen, bool& reported) {
    is_new = is_new || (seen && !reported);
    reported = reported || seen;
  };
  note(found.in_result, results_reported_);
  note(!found.in_result && found.values.nans > 0, input_nans_reported_);
  note(!found.in_result && found.values.infinities > 0, input_infinities_reported_);
  if (is_new && (rank_ == found.rank || rank_ == 0)) {
    log(LogLevel::warn,
        "event=special_values comm={} rank={} where={} source={} collective={} operation={} nans={} infinities={} "
        "first={} text=\"{}\"",
        comm_name_, rank_, found.in_result ? "result" : "input", found.rank, collective, operation, found.values.nans,
        found.values.infinities, found.values.first, text);
  }
  return std::nullopt;
}

}  // namespace stretto
