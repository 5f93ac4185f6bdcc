#include "algorithms/strand_builder.hpp"

#include <algorithm>
#include <utility>

namespace stretto {

void StrandBuilder::synchronise(StepKind kind, Rank peer) {
  Step step;
  step.kind = kind;
  step.peer = peer;
  strand_.body.push_back(std::move(step));
}

void StrandBuilder::move(StepKind kind, int chunk, Ref destination, Sources sources) {
  Step step;
  step.kind = kind;
  step.chunk = chunk;
  step.destination = destination;
  step.sources = std::move(sources);
  strand_.body.push_back(std::move(step));
}

void StrandBuilder::will_send_to(Rank peer) {
  if (std::find(destinations_.begin(), destinations_.end(), peer) == destinations_.end()) destinations_.push_back(peer);
}

void StrandBuilder::send(Rank peer, int chunk, Ref source) {
  will_send_to(peer);
  synchronise(StepKind::wait_credit, peer);
  move(StepKind::put, chunk, slot(peer), {source});
  synchronise(StepKind::signal, peer);
}

void StrandBuilder::receive(Rank peer, int chunk, Ref destination) {
  synchronise(StepKind::wait, peer);
  move(StepKind::get, chunk, destination, {slot(peer)});
  synchronise(StepKind::release, peer);
}

void StrandBuilder::send(Rank peer, const std::vector<Piece>& parts) {
  if (parts.empty()) return;
  acquire(peer);
  for (const Piece& part : parts) fill(peer, part.chunk, {part.at});
  signal(peer);
}

void StrandBuilder::receive(Rank peer, const std::vector<Piece>& parts) {
  if (parts.empty()) return;
  await(peer);
  int number = 0;
  for (const Piece& part : parts) move(StepKind::get, part.chunk, part.at, {slot(peer, number++)});
  release(peer);
}

void StrandBuilder::acquire(Rank peer) {
  will_send_to(peer);
  synchronise(StepKind::wait_credit, peer);
  filled_[peer] = 0;
}

void StrandBuilder::fill(Rank peer, int chunk, Sources sources, bool completes) {
  const StepKind kind = sources.size() > 1 ? StepKind::reduce : StepKind::put;
  move(kind, chunk, slot(peer, filled_[peer]++), std::move(sources));
  strand_.body.back().completes = completes;
}

void StrandBuilder::sum(int chunk, Ref destination, Sources sources, bool completes) {
  move(StepKind::reduce, chunk, destination, std::move(sources));
  strand_.body.back().completes = completes;
}

void StrandBuilder::copy(int chunk, Ref destination, Ref source) { move(StepKind::copy, chunk, destination, {source}); }

void StrandBuilder::reduce(int chunk, Ref destination, Sources sources) {
  std::vector<Rank> senders;
  for (const Ref& source : sources) {
    if (source.space == Space::slot) senders.push_back(source.index);
  }
  const bool sends = destination.space == Space::slot;
  if (sends) will_send_to(destination.index);
  for (const Rank sender : senders) synchronise(StepKind::wait, sender);
  if (sends) synchronise(StepKind::wait_credit, destination.index);
  move(StepKind::reduce, chunk, destination, std::move(sources));
  // The signal comes first: the next rank waits for it, while credits are seldom short.
  if (sends) synchronise(StepKind::signal, destination.index);
  for (const Rank sender : senders) synchronise(StepKind::release, sender);
}

void StrandBuilder::reduce_complete(int chunk, Ref destination, Sources sources) {
  const std::size_t begin = strand_.body.size();
  reduce(chunk, destination, std::move(sources));
  for (std::size_t i = begin; i < strand_.body.size(); ++i) {
    if (strand_.body[i].kind == StepKind::reduce) strand_.body[i].completes = true;
  }
}

void StrandBuilder::drain() {
  for (const Rank peer : destinations_) synchronise(StepKind::wait_drain, peer);
}

Strand StrandBuilder::finish() && {
  for (const Rank peer : destinations_) {
    Step step;
    step.kind = StepKind::wait_drain;
    step.peer = peer;
    strand_.epilogue.push_back(std::move(step));
  }
  strand_.body.shrink_to_fit();  // plans are kept; long ones are a large part of what a rank holds
  return std::move(strand_);
}

std::vector<Rank> peers_after(Rank rank, int n_ranks) {
  std::vector<Rank> peers;
  for (int distance = 1; distance < n_ranks; ++distance) peers.push_back(rotate(rank, distance, n_ranks));
  return peers;
}

std::vector<Rank> peers_before(Rank rank, int n_ranks) {
  std::vector<Rank> peers;
  for (int distance = 1; distance < n_ranks; ++distance) peers.push_back(rotate(rank, -distance, n_ranks));
  return peers;
}

std::vector<Ref> sources_in_rank_order(Rank rank, Ref own, std::vector<Rank> peers) {
  peers.push_back(rank);
  std::sort(peers.begin(), peers.end());
  std::vector<Ref> sources;
  sources.reserve(peers.size());
  for (const Rank peer : peers) sources.push_back(peer == rank ? own : slot(peer));
  return sources;
}

Program lone_rank_program(const PlanSpec& spec, int chunks_per_block) {
  Program program;
  for (int channel = 0; channel < spec.channels; ++channel) {
    StrandBuilder strand(channel);
    for (int chunk = 0; chunk < spec.blocks() * chunks_per_block; ++chunk) {
      strand.copy(chunk, output(chunk), input(chunk));
    }
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto
