#include "random/layout.hpp"

#include <numeric>

namespace stretto::script {
namespace {

/// Blocks one after the other in a random order, some with gaps between them: by block.
std::vector<std::size_t> scattered(const std::vector<std::size_t>& counts, Random& own) {
  std::vector<std::size_t> order(counts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (own.one_in(2)) own.shuffle(order);
  const bool gaps = own.one_in(2);
  std::vector<std::size_t> places(counts.size());
  std::size_t at = 0;
  for (const std::size_t block : order) {
    if (gaps) at += own.below(std::size_t{9});
    places[block] = at;
    at += counts[block];
  }
  return places;
}

class Builder {
 public:
  Builder(const Call& call, int rank, Random& own) : call_(call), rank_(rank), own_(own) {}

  Layout build() {
    switch (call_.kind) {
      case Kind::barrier:
        break;
      case Kind::messages:
        messages();
        break;
      case Kind::all_gather_v:
        all_gather_v();
        break;
      case Kind::reduce_scatter_v:
        reduce_scatter_v();
        break;
      case Kind::all_to_all_v:
        all_to_all_v();
        break;
      case Kind::all_reduce:
      case Kind::broadcast:
      case Kind::reduce:
        one_block();
        break;
      default:
        block_per_rank();
    }
    return std::move(layout_);
  }

 private:
  bool is_root() const { return rank_ == call_.root; }
  std::size_t n() const { return static_cast<std::size_t>(call_.n); }
  std::size_t own_place() const { return static_cast<std::size_t>(rank_) * call_.count; }

  void one_block() {
    const bool gives = call_.kind != Kind::broadcast || is_root();
    const bool gets = call_.kind != Kind::reduce || is_root();
    const int source = call_.kind == Kind::broadcast ? call_.root : Piece::kAllRanks;
    if (gives) layout_.send.push_back({0, call_.count, rank_, 0});
    if (gets) layout_.receive.push_back({0, call_.count, source, 0});
    layout_.can_be_in_place = gives && gets;
  }

  void block_per_rank() {
    const bool rooted = call_.kind == Kind::gather || call_.kind == Kind::scatter;
    const bool gathers = call_.kind == Kind::all_gather || call_.kind == Kind::gather;
    std::vector<Piece>& many = gathers ? layout_.receive : layout_.send;
    for (int block = 0; block < call_.n; ++block) {
      const std::size_t at = static_cast<std::size_t>(block) * call_.count;
      if (call_.kind == Kind::all_to_all) {
        layout_.send.push_back({at, call_.count, rank_, block});
        layout_.receive.push_back({at, call_.count, block, rank_});
      } else if (!rooted || is_root()) {
        many.push_back(gathers ? Piece{at, call_.count, block, 0} : Piece{at, call_.count, rank_, block});
      }
    }
    if (call_.kind == Kind::all_to_all) return;
    layout_.can_be_in_place = !rooted || is_root();
    if (gathers) {
      layout_.send.push_back({0, call_.count, rank_, 0});
      layout_.send_shift = own_place();
    } else {
      const int source = call_.kind == Kind::scatter ? call_.root : Piece::kAllRanks;
      layout_.receive.push_back({0, call_.count, source, rank_});
      layout_.receive_shift = own_place();
    }
  }

  void all_gather_v() {
    layout_.receive_counts = call_.counts;
    layout_.receive_places = scattered(call_.counts, own_);
    const auto own = static_cast<std::size_t>(rank_);
    layout_.send.push_back({0, call_.counts[own], rank_, 0});
    for (std::size_t block = 0; block < n(); ++block) {
      layout_.receive.push_back({layout_.receive_places[block], call_.counts[block], static_cast<int>(block), 0});
    }
    layout_.can_be_in_place = true;
    layout_.send_shift = layout_.receive_places[own];
  }

  void reduce_scatter_v() {
    layout_.receive_counts = call_.counts;
    std::size_t at = 0;
    for (std::size_t block = 0; block < n(); ++block) {
      layout_.send.push_back({at, call_.counts[block], rank_, static_cast<int>(block)});
      if (static_cast<int>(block) == rank_) layout_.receive_shift = at;
      at += call_.counts[block];
    }
    layout_.receive.push_back({0, call_.counts[static_cast<std::size_t>(rank_)], Piece::kAllRanks, rank_});
    layout_.can_be_in_place = true;
  }

  void all_to_all_v() {
    const auto own = static_cast<std::size_t>(rank_);
    for (std::size_t peer = 0; peer < n(); ++peer) {
      layout_.send_counts.push_back(call_.counts[own * n() + peer]);
      layout_.receive_counts.push_back(call_.counts[peer * n() + own]);
    }
    layout_.send_places = scattered(layout_.send_counts, own_);
    layout_.receive_places = scattered(layout_.receive_counts, own_);
    for (std::size_t peer = 0; peer < n(); ++peer) {
      const int other = static_cast<int>(peer);
      layout_.send.push_back({layout_.send_places[peer], layout_.send_counts[peer], rank_, other});
      layout_.receive.push_back({layout_.receive_places[peer], layout_.receive_counts[peer], other, rank_});
    }
  }

  void messages() {
    std::size_t sent = 0;
    std::size_t received = 0;
    for (std::size_t i = 0; i < call_.messages.size(); ++i) {
      const Message& each = call_.messages[i];
      const int number = static_cast<int>(i);
      if (each.from == rank_) {
        layout_.send.push_back({sent, each.count, rank_, number, each.to});
        sent += each.count + own_.below(std::size_t{3});
      }
      if (each.to == rank_) {
        layout_.receive.push_back({received, each.count, each.from, number, each.from});
        received += each.count + own_.below(std::size_t{3});
      }
    }
  }

  const Call& call_;
  int rank_;
  Random& own_;
  Layout layout_;
};

}  // namespace

Layout layout_of(const Call& call, int rank, Random& own) { return Builder(call, rank, own).build(); }

}  // namespace stretto::script
