#include <algorithm>
#include <set>

#include "bootstrap/tree_control_plane.hpp"
#include "control.hpp"
#include "frames.hpp"

namespace stretto::fuzz {
namespace {

class Plane {
 public:
  explicit Plane(Input& input) : input_(input), world_(1, calm(input)) {
    me_ = world_.add_process(0);
    them_ = world_.add_process(0);
    n_ranks_ = input.ConsumeIntegralInRange(1, 9);
    rank_ = input.ConsumeIntegralInRange(0, n_ranks_ - 1);
    const Handle listener = mine().listen_local("links");
    std::vector<TreeLink> links;
    for (Rank peer = 0; peer < n_ranks_; ++peer) {
      if ((rank_ - 1) / 2 == peer ? rank_ == 0 : peer == 0 || (peer - 1) / 2 != rank_) continue;
      theirs_.emplace_back(world_.system(them_), world_.system(them_).connect_local("links"));
      TreeLink& link = links.emplace_back();
      link.peer = {peer, "there", 7};
      link.channel = Channel(mine(), mine().accept(listener.id()));
      link.channel.seal(Key{std::byte{1}}, Key{std::byte{2}});
      theirs_.back().seal(Key{std::byte{2}}, Key{std::byte{1}});
    }
    const bool beats = input.ConsumeBool();
    plane_.emplace(mine(), Member{rank_, "here", 1}, n_ranks_, std::move(links),
                   beats ? HeartbeatConfig{second_ns, 3 * second_ns} : HeartbeatConfig{});
  }

  void run() {
    for (int i = 0; i < 60 && input_.remaining_bytes() > 0; ++i) {
      if (theirs_.empty() || input_.ConsumeBool()) {
        act();
      } else {
        speak(theirs_[input_.ConsumeIntegralInRange<std::size_t>(0, theirs_.size() - 1)]);
      }
      plane_->poll();
      judge();
      let_arrive(world_);
    }
    plane_->leave(1);
    world_.advance_to(world_.now_ns() + 2 * second_ns);
    plane_->poll();
    STRETTO_ASSERT(plane_->flushed());  // nobody keeps a rank from leaving
  }

 private:
  System& mine() { return world_.system(me_); }

  void speak(Channel& channel) {
    channel.pump();
    if (input_.ConsumeIntegralInRange(0, 31) == 0) return channel.close();
    if (input_.ConsumeIntegralInRange(0, 31) == 0) {  // past the seal
      const auto bytes = some_bytes(input_, 30);
      if (channel.socket() >= 0) world_.system(them_).send(channel.socket(), bytes);
      return;
    }
    channel.send(some_frame(input_, Endpoint{}));
    channel.flush();
    while (channel.take_frame()) {
    }
  }

  void act() {
    switch (input_.ConsumeIntegralInRange(0, 5)) {
      case 0:
        if (gathering_) break;
        gathering_ = true;
        blob_ = some_bytes(input_, 20);
        plane_->start_all_gather(blob_, "exchange", world_.now_ns() + 5 * second_ns);
        break;
      case 1:
        gather();
        break;
      case 2: {
        ErrorInfo info;
        info.text = "mine";
        plane_->report(info);
        break;
      }
      case 3:
        if (input_.ConsumeIntegralInRange(0, 7) == 0) plane_->leave(3);
        break;
      case 4:
        world_.advance_to(world_.now_ns() + second_ns);
        break;
      default: {
        const auto waits = mine().make_wait_set();
        plane_->watch(*waits);
        plane_->next_deadline_ns();
      }
    }
  }

  void gather() {
    if (!gathering_) return;
    try {
      const auto blobs = plane_->poll_all_gather();
      if (!blobs) return;
      STRETTO_ASSERT(blobs->size() == static_cast<std::size_t>(n_ranks_));
      STRETTO_ASSERT((*blobs)[static_cast<std::size_t>(rank_)] == blob_);
    } catch (const Error& error) {
      STRETTO_ASSERT(is_rank(error.info().rank) && is_rank(error.info().peer));
    }
    gathering_ = false;
  }

  bool is_rank(Rank rank) const { return rank >= -1 && rank < n_ranks_; }
  void judge() const {
    if (const ErrorInfo* fault = plane_->fault()) {
      STRETTO_ASSERT(is_rank(fault->rank) && is_rank(fault->peer) && fault->code != strettoSuccess);
    }
    std::set<Rank> gone;
    for (const auto& departure : plane_->departed()) {
      STRETTO_ASSERT(departure.rank >= 0 && departure.rank < n_ranks_ && departure.rank != rank_);
      STRETTO_ASSERT(gone.insert(departure.rank).second);
    }
  }

  Input& input_;
  sim::SimWorld world_;
  int me_ = 0, them_ = 0, n_ranks_ = 0;
  Rank rank_ = 0;
  std::vector<Channel> theirs_;
  std::optional<TreeControlPlane> plane_;
  bool gathering_ = false;
  std::vector<std::byte> blob_;
};

}  // namespace

void run_plane(Input& input) { Plane(input).run(); }

}  // namespace stretto::fuzz
