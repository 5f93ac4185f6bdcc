// Small plans written by hand for the tests of the checker, and the words they are written in.
#pragma once

#include <utility>
#include <vector>

#include "plan/checker.hpp"
#include "plan/plan.hpp"

namespace stretto::hand {

inline Step sync(StepKind kind, Rank peer) {
  Step step;
  step.kind = kind;
  step.peer = peer;
  return step;
}
inline Step wait(Rank peer) { return sync(StepKind::wait, peer); }
inline Step release(Rank peer) { return sync(StepKind::release, peer); }
inline Step credit(Rank peer) { return sync(StepKind::wait_credit, peer); }
inline Step signal(Rank peer) { return sync(StepKind::signal, peer); }
inline Step drain(Rank peer) { return sync(StepKind::wait_drain, peer); }

inline Step move(StepKind kind, int chunk, Ref to, std::vector<Ref> from, bool completes = false) {
  Step step;
  step.kind = kind;
  step.chunk = chunk;
  step.destination = to;
  step.sources = std::move(from);
  step.completes = completes;
  return step;
}
inline Step put(int chunk, Rank to, Ref from) { return move(StepKind::put, chunk, slot(to), {from}); }
inline Step get(int chunk, Ref to, Rank from) { return move(StepKind::get, chunk, to, {slot(from)}); }
inline Step copy(int chunk, Ref to, Ref from) { return move(StepKind::copy, chunk, to, {from}); }
inline Step reduce(int chunk, Ref to, std::vector<Ref> from) {
  return move(StepKind::reduce, chunk, to, std::move(from));
}
inline Step complete(int chunk, Ref to, std::vector<Ref> from) {
  return move(StepKind::reduce, chunk, to, std::move(from), true);
}

inline Program program(std::vector<Step> body, std::vector<Step> epilogue = {}, int scratch_chunks = 0) {
  Program made;
  made.strands.push_back({0, std::move(body), std::move(epilogue)});
  made.scratch_chunks = scratch_chunks;
  return made;
}

struct HandPlan {
  PlanSpec spec;
  int chunks_per_block = 1;
  std::vector<Program> programs;

  int parts_per_slot = 1;

  CheckedOperation operation(int rounds = 1, std::vector<bool> in_place = {}) const {
    return {spec, chunks_per_block, &programs, rounds, std::move(in_place), parts_per_slot};
  }
};

inline PlanSpec spec(Collective collective, int n_ranks, Rank root = -1) {
  PlanSpec made;
  made.collective = collective;
  made.algorithm = "hand";
  made.n_ranks = n_ranks;
  made.root = root;
  return made;
}

/// Two ranks swap their inputs and add them in rank order: in scratch memory, since in place the peer may still read
/// what the sum would overwrite.
inline HandPlan swap_all_reduce() {
  return {spec(Collective::all_reduce, 2),
          1,
          {program({credit(1), put(0, 1, input(0)), signal(1), wait(1), complete(0, scratch(0), {input(0), slot(1)}),
                    release(1), drain(1), copy(0, output(0), scratch(0))},
                   {}, 1),
           program({credit(0), put(0, 0, input(0)), signal(0), wait(0), complete(0, scratch(0), {slot(0), input(0)}),
                    release(0), drain(0), copy(0, output(0), scratch(0))},
                   {}, 1)}};
}

/// 0 -> 1 -> 2, through the output of rank 1.
inline HandPlan chain_broadcast() {
  return {spec(Collective::broadcast, 3, 0),
          1,
          {program({copy(0, output(0), input(0)), credit(1), put(0, 1, output(0)), signal(1)}, {drain(1)}),
           program({wait(0), get(0, output(0), 0), release(0), credit(2), put(0, 2, output(0)), signal(2)}, {drain(2)}),
           program({wait(1), get(0, output(0), 1), release(1)})}};
}

/// Each of two ranks sends its block to the other.
inline HandPlan swap_all_gather() {
  return {spec(Collective::all_gather, 2),
          1,
          {program({copy(0, output(0), input(0)), credit(1), put(0, 1, input(0)), signal(1), wait(1),
                    get(1, output(1), 1), release(1)},
                   {drain(1)}),
           program({copy(1, output(1), input(1)), credit(0), put(1, 0, input(1)), signal(0), wait(0),
                    get(0, output(0), 0), release(0)},
                   {drain(0)})}};
}

/// All-reduce on a ring of n >= 2, one chunk per rank.
inline HandPlan ring_all_reduce(int n) {
  HandPlan plan{spec(Collective::all_reduce, n), n, {}};
  for (Rank rank = 0; rank < n; ++rank) {
    const Rank next = (rank + 1) % n;
    const Rank previous = (rank + n - 1) % n;
    std::vector<Step> body = {credit(next), put(rank, next, input(rank)), signal(next)};
    for (int i = 1; i < n; ++i) {  // the chunk that comes in
      const int chunk = (rank + n - i) % n;
      body.push_back(wait(previous));
      if (i < n - 1) {
        body.push_back(credit(next));
        body.push_back(reduce(chunk, slot(next), {input(chunk), slot(previous)}));
      } else {
        body.push_back(complete(chunk, output(chunk), {input(chunk), slot(previous)}));
        body.push_back(credit(next));
        body.push_back(put(chunk, next, output(chunk)));
      }
      body.push_back(signal(next));
      body.push_back(release(previous));
    }
    for (int i = 1; i < n; ++i) {
      const int chunk = (rank + 1 + n - i) % n;
      body.push_back(wait(previous));
      body.push_back(get(chunk, output(chunk), previous));
      body.push_back(release(previous));
      if (i == n - 1) continue;
      body.push_back(credit(next));
      body.push_back(put(chunk, next, output(chunk)));
      body.push_back(signal(next));
    }
    plan.programs.push_back(program(std::move(body), {drain(next)}));
  }
  return plan;
}

/// A broadcast of two chunks in one message of two parts.
inline HandPlan broadcast_in_two_parts() {
  return {spec(Collective::broadcast, 2, 0),
          2,
          {program({credit(1), move(StepKind::put, 0, slot(1, 0), {input(0)}),
                    move(StepKind::put, 1, slot(1, 1), {input(1)}), signal(1), copy(0, output(0), input(0)),
                    copy(1, output(1), input(1))},
                   {drain(1)}),
           program({wait(0), move(StepKind::get, 0, output(0), {slot(0, 0)}),
                    move(StepKind::get, 1, output(1), {slot(0, 1)}), release(0)})},
          2};
}

inline CheckReport check_one(const HandPlan& plan, CheckConfig config = {}, int rounds = 1,
                             std::vector<bool> in_place = {}) {
  const CheckedOperation operation = plan.operation(rounds, std::move(in_place));
  return check({&operation, 1}, config);
}

}  // namespace stretto::hand
