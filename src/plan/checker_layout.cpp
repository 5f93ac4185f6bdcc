#include "plan/checker_layout.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace stretto::checker {
namespace {

void check_shape(const CheckedOperation& operation, std::int32_t n_ranks, const CheckReport& where) {
  const auto bad = [&](std::string text) { fail(ProblemKind::structure, where, std::move(text)); };
  const PlanSpec& spec = operation.spec;
  const std::size_t n = index(spec.n_ranks);
  if (spec.n_ranks != n_ranks) bad(format("{} ranks, but {} before", spec.n_ranks, n_ranks));
  if (operation.programs == nullptr || operation.programs->size() != n) bad("needs one program per rank");
  if (!operation.in_place.empty() && operation.in_place.size() != n) bad("in_place needs one entry per rank");
  if (operation.rounds < 1 || operation.chunks_per_block < 1 || spec.channels < 1) bad("an empty shape");
  if (operation.parts_per_slot < 1 || operation.parts_per_slot > kMostPartsPerSlot) {
    bad(format("slots of {} parts; 1 to {} are possible", operation.parts_per_slot, kMostPartsPerSlot));
  }
  if (row_of(spec.collective).rooted && (spec.root < 0 || spec.root >= spec.n_ranks)) {
    bad(format("root {} is no rank", spec.root));
  }
  const bool any_in_place =
      std::find(operation.in_place.begin(), operation.in_place.end(), true) != operation.in_place.end();
  if (any_in_place && !can_be_in_place(row_of(spec.collective))) bad("this collective cannot be in place");
}

/// In place, both windows put each chunk at the same location; one of them then contains the other.
void lay_out_user(const CheckedOperation& operation, Model& model, OperationModel& laid) {
  const CollectiveRow& row = row_of(operation.spec.collective);
  const std::int32_t per_block = operation.chunks_per_block;
  for (Rank rank = 0; rank < model.n_ranks; ++rank) {
    const auto window = [&](const Side& side) {
      Window made;
      made.blocks = window_of(row, side, rank, operation.spec.root, model.n_ranks);
      made.per_block = per_block;
      made.stride = made.held();
      return made;
    };
    Participation part;
    part.input = window(row.input);
    part.output = window(row.output);
    part.first_location = model.n_locations;
    const std::int32_t passes = operation.spec.channels * operation.rounds;
    const bool in_place = !operation.in_place.empty() && operation.in_place[index(rank)];
    if (in_place) {
      const Window wide = part.input.held() > part.output.held() ? part.input : part.output;
      for (Window* each : {&part.input, &part.output}) {
        if (each->held() > 0) each->shift = wide.position(each->chunk_at(0));
        each->stride = wide.stride;
      }
      part.input.base = part.output.base = part.first_location;
      part.n_locations = passes * wide.stride;
    } else {
      part.input.base = part.first_location;
      part.output.base = part.first_location + passes * part.input.stride;
      part.n_locations = passes * (part.input.stride + part.output.stride);
    }
    model.n_locations += part.n_locations;
    laid.ranks.push_back(part);
  }
}

}  // namespace

void check_shapes(std::span<const CheckedOperation> operations) {
  CheckReport where;
  where.operation = 0;
  for (const CheckedOperation& operation : operations) {
    check_shape(operation, operations.front().spec.n_ranks, where);
    ++where.operation;
  }
}

/// Scratch belongs to the rank, is used round after round, and keeps its contents from operation to operation.
std::vector<Location> lay_out_scratch(std::span<const CheckedOperation> operations, Model& model) {
  std::vector<Location> first_scratch;
  for (Rank rank = 0; rank < model.n_ranks; ++rank) {
    std::int32_t chunks = 0;
    for (const CheckedOperation& operation : operations) {
      chunks = std::max(chunks, (*operation.programs)[index(rank)].scratch_chunks);
    }
    first_scratch.push_back(model.n_locations);
    model.n_locations += chunks;
  }
  model.first_user_location = model.n_locations;
  return first_scratch;
}

OperationModel lay_out_operation(const CheckedOperation& operation, Model& model) {
  OperationModel laid;
  laid.first_tag = model.n_tags;
  laid.chunks = operation.spec.blocks() * operation.chunks_per_block;
  laid.rounds = operation.rounds;
  laid.channels = operation.spec.channels;
  model.n_tags += laid.chunks * laid.rounds * laid.channels;
  lay_out_user(operation, model, laid);
  return laid;
}

}  // namespace stretto::checker
