// What ranks say to one another after set-up, beside faults and goodbyes: what they wait in, and words of src/comm.
#include <algorithm>

#include "bootstrap/tree_control_plane.hpp"

namespace stretto {
namespace {

constexpr std::size_t waiting_most = 2 * WaitingNews::kOperations;  // kept for whoever does not take them
constexpr std::size_t words_most = 65'536;                          // likewise

}  // namespace

void TreeControlPlane::say_waiting(std::uint64_t operation, const OpTag& tag) {
  Waiting mine{self_.rank, operation, tag};
  mine.tag.operation = static_cast<std::uint32_t>(operation);
  if (fault_ || !news_.add(mine)) return;
  spread_waiting(mine, nullptr);
  poll();
}

void TreeControlPlane::on_waiting(Link& from, const Waiting& said) {
  if (said.rank < 0 || said.rank >= n_ranks_ || said.rank == self_.rank)
    throw Error(strettoRemoteError, "a wait of no rank");
  if (fault_ || !news_.add(said)) return;
  if (heard_.size() == waiting_most) heard_.erase(heard_.begin());
  heard_.push_back(said);
  spread_waiting(said, &from);
}

/// However much is said, a neighbour that takes nothing costs no more than a short list.
void TreeControlPlane::spread_waiting(const Waiting& said, const Link* from) {
  for (Link& link : links_) {
    if (&link == from || !link.open) continue;
    if (link.waiting.size() == waiting_most) link.waiting.pop_front();
    link.waiting.push_back(said);
  }
}

void TreeControlPlane::send_waiting(Link& link) {
  while (link.open && !link.waiting.empty() && link.channel.flushed()) {
    WireWriter writer;
    writer.number(Message::waiting);
    put(writer, link.waiting.front());
    link.waiting.pop_front();
    send(link, writer.take());
    link.channel.flush();
  }
}

void TreeControlPlane::tell(std::vector<std::byte> word) {
  if (fault_ || left_) return;
  spread_word(self_.rank, word, nullptr);
  poll();
}

void TreeControlPlane::on_word(Link& from, WireReader& reader) {
  const auto rank = reader.number<Rank>();
  const std::span<const std::byte> word = reader.blob();
  if (rank < 0 || rank >= n_ranks_ || rank == self_.rank) throw Error(strettoRemoteError, "a word of no rank");
  if (fault_) return;
  if (!left_ && words_.size() < words_most) words_.push_back({rank, {word.begin(), word.end()}});
  spread_word(rank, word, &from);
}

void TreeControlPlane::spread_word(Rank rank, std::span<const std::byte> word, const Link* from) {
  WireWriter writer;
  writer.number(Message::word);
  writer.number(rank);
  writer.blob(word);
  const std::vector<std::byte> body = writer.take();
  for (Link& link : links_) {
    if (&link != from) send(link, body);
  }
}

}  // namespace stretto
