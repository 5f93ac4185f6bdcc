#include "comm/shrink.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/system.hpp"
#include "base/text.hpp"
#include "bootstrap/job_key.hpp"
#include "comm/rendezvous_task.hpp"
#include "comm/reunion.hpp"

namespace stretto {
namespace {

/// How long a thread may take to leave its call after a fault.
constexpr std::int64_t kLeavingNs = 5'000'000'000;

MeetingPlace place_of(const Participant& parent, const ShrinkWish& wish) {
  MeetingPlace place;
  place.name = reunion_name(parent.key(), wish.left.front());
  place.job = format("the {} ranks that are left", wish.left.size());
  place.size_by = place.rank_by = place.digest_by = "exclude";
  place.rank = parent.rank();
  place.n_ranks = static_cast<int>(wish.left.size());
  place.deadline_ns = posix_system().now_ns() + wish.settings.setup_timeout_ns;
  place.topic = "shrink";
  place.advice =
      "Check that they are not dead or stopped (exclude them, then), and that all who are left call strettoCommShrink";
  place.members = wish.left;
  place.digest = members_digest(parent.key(), wish.left);
  return place;
}

/// Of a communicator with a fault everything ends soon, also the call that another thread is inside of; its kernels may
/// hold the device until they have.
void end_what_is_under_way(Participant& parent) {
  Lifecycle& here = parent.lifecycle();
  if (here.fault() == nullptr) return;
  const std::int64_t deadline_ns = posix_system().now_ns() + kLeavingNs;
  while (!here.close()) {
    if (posix_system().now_ns() < deadline_ns) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      continue;
    }
    ErrorInfo info;
    info.code = strettoInvalidUsage;
    info.field = "comm";
    info.rank = parent.rank();
    info.text = format("rank {}: another thread uses the communicator: shrink it after that call", info.rank);
    throw Error(std::move(info));
  }
  here.drain();
  here.leave();
}

}  // namespace

std::unique_ptr<Participant> shrink(Participant& parent, const ShrinkWish& wish) {
  end_what_is_under_way(parent);
  const MeetingPlace place = place_of(parent, wish);
  const auto rank = static_cast<Rank>(std::ranges::find(wish.left, parent.rank()) - wish.left.begin());
  if (place.n_ranks == 1) {
    if (wish.refusal) throw Error(*wish.refusal);
    return Participant::begin(start_local_rendezvous(), 1, 0, wish.settings);
  }
  if (wish.refusal) refuse_at(place, *wish.refusal);
  return Participant::begin(meet_at(place), place.n_ranks, rank, wish.settings);
}

}  // namespace stretto
