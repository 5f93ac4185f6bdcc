#include "algorithms/tree_strands.hpp"

#include <utility>

#include "algorithms/strand_builder.hpp"

namespace stretto {
namespace {

/// To all children side by side: none waits for what another one gets.
void hand_down(StrandBuilder& strand, const std::vector<Rank>& children, Ref source) {
  for (const Rank child : children) strand.acquire(child);
  for (const Rank child : children) strand.fill(child, 0, {source});
  for (const Rank child : children) strand.signal(child);
}

void send_up(StrandBuilder& strand, const TreePlace& place, Rank rank) {
  if (place.children.empty()) {
    strand.send(place.parent, 0, input(0));
  } else {
    strand.reduce(0, slot(place.parent), sources_in_rank_order(rank, input(0), place.children));
  }
}

}  // namespace

void all_reduce_along(std::vector<Strand>& strands, const TreePlace& place, Rank rank, int channel) {
  StrandBuilder up(channel);
  if (place.parent < 0) {
    up.reduce_complete(0, output(0), sources_in_rank_order(rank, input(0), place.children));
    hand_down(up, place.children, output(0));
    strands.push_back(std::move(up).finish());
    return;
  }
  send_up(up, place, rank);
  strands.push_back(std::move(up).finish());
  StrandBuilder down(channel);
  down.receive(place.parent, 0, output(0));
  hand_down(down, place.children, output(0));
  strands.push_back(std::move(down).finish());
}

void broadcast_along(std::vector<Strand>& strands, const TreePlace& place, int channel) {
  StrandBuilder strand(channel);
  if (place.parent >= 0) strand.receive(place.parent, 0, output(0));
  hand_down(strand, place.children, place.parent >= 0 ? output(0) : input(0));
  if (place.parent < 0) strand.copy(0, output(0), input(0));
  strands.push_back(std::move(strand).finish());
}

void reduce_along(std::vector<Strand>& strands, const TreePlace& place, Rank rank, int channel) {
  StrandBuilder strand(channel);
  if (place.parent >= 0) {
    send_up(strand, place, rank);
  } else {
    strand.reduce_complete(0, output(0), sources_in_rank_order(rank, input(0), place.children));
  }
  strands.push_back(std::move(strand).finish());
}

}  // namespace stretto
