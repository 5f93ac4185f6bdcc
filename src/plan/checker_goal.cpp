#include "plan/checker_goal.hpp"

#include "base/text.hpp"
#include "plan/checker_text.hpp"

namespace stretto::checker {

Goal::Goal(std::span<const CheckedOperation> operations, const Model& model)
    : operations_(operations), model_(model), sums_(index(model.n_tags), 0), first_with_sum_(index(model.n_tags), -1) {}

template <typename Visit>
void Goal::for_each_chunk(std::int32_t operation, const Window& window, Visit visit) const {
  const OperationModel& laid = model_.operations[index(operation)];
  for (std::int32_t channel = 0; channel < laid.channels; ++channel) {
    for (std::int32_t round = 0; round < laid.rounds; ++round) {
      const std::int32_t pass = channel * laid.rounds + round;
      for (std::int32_t position = 0; position < window.held(); ++position) {
        const std::int32_t number = window.chunk_at(position);
        visit(
            Chunk{laid.first_tag + pass * laid.chunks + number, channel, round, number, window.location(pass, number)});
      }
    }
  }
}

void Goal::fill_inputs(Memory& memory, std::int32_t operation, Rank rank) const {
  const OperationModel& laid = model_.operations[index(operation)];
  const Window& input = laid.ranks[index(rank)].input;
  for_each_chunk(operation, input, [&](const Chunk& chunk) { memory.set_input(chunk.at, chunk.tag, rank); });
}

void Goal::check_outputs(const Memory& memory, std::int32_t operation, Rank rank) {
  const OperationModel& laid = model_.operations[index(operation)];
  const Window& output = laid.ranks[index(rank)].output;
  for_each_chunk(operation, output, [&](const Chunk& chunk) { check_chunk(memory, operation, rank, chunk); });
}

void Goal::check_chunk(const Memory& memory, std::int32_t operation, Rank rank, const Chunk& chunk) {
  const CheckedOperation& asked = operations_[index(operation)];
  const CollectiveRow& row = row_of(asked.spec.collective);
  CheckReport where;
  where.operation = operation;
  where.rank = rank;
  where.round = chunk.round;
  const std::string name = format("output[{}] of channel {}, round {}", chunk.number, chunk.channel, chunk.round);
  const Tag held = memory.tag(chunk.at);
  if (held < 0) fail(ProblemKind::missing_output, where, name + " was never written");
  if (held != chunk.tag) fail(ProblemKind::wrong_contribution, where, name + ": " + holds_text(model_, held));
  if (row.reduces) {
    if (!memory.holds_all_ranks(chunk.at)) {
      fail(ProblemKind::wrong_contribution, where, name + " lacks contributions: " + ranks_text(memory, chunk.at));
    }
    Rank& first = first_with_sum_[index(chunk.tag)];
    std::uint64_t& sum = sums_[index(chunk.tag)];
    if (first >= 0 && sum != memory.sum(chunk.at)) {
      fail(ProblemKind::unequal_sums, where, name + format(" is summed in another order than on rank {}", first));
    }
    first = rank;
    sum = memory.sum(chunk.at);
    return;
  }
  const Rank owner = origin_of(row, chunk.number / asked.chunks_per_block, asked.spec.root, model_.n_ranks);
  if (!memory.holds_only(chunk.at, owner)) {
    fail(ProblemKind::wrong_contribution, where,
         name + format(" is to come from rank {}, but holds: {}", owner, ranks_text(memory, chunk.at)));
  }
}

}  // namespace stretto::checker
