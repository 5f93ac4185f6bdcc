// n simulated ranks that run bootstrap, a few gathers and a goodbye; what each met is kept for the test to judge.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/text.hpp"
#include "bootstrap/rendezvous.hpp"
#include "bootstrap/unique_id.hpp"
#include "sim/sim_scheduler.hpp"

namespace stretto::sim {

constexpr std::int64_t second_ns = 1'000'000'000;

struct SimRank {
  enum Stage : std::uint8_t { idle, setting_up, gathering, gathered, leaving, left, failed };
  Rank number = -1;
  int process = -1;
  Stage stage = idle;
  int n_gathers = 0;
  bool in_gather = false;
  bool again = true;               ///< its script has more to do at once
  std::unique_ptr<WaitSet> waits;  ///< if event-driven
  bool gathers_were_right = true;
  std::int64_t ended_ns = 0;
  std::unique_ptr<Bootstrap> bootstrap;
  std::unique_ptr<ControlPlane> plane;
  std::optional<ErrorInfo> error;
};

class SimRanks {
 public:
  static constexpr int gathers = 3;
  static constexpr std::int64_t setup_ns = 30 * second_ns;

  /// 1 (or `n_min`) to 16 ranks, on 1 to n hosts.
  explicit SimRanks(std::uint64_t seed, int n_min = 1, int n_max = 16) : world(seed), scheduler(world) {
    n_ranks_ = n_min + static_cast<int>(world.below(static_cast<std::uint64_t>(n_max - n_min + 1)));
    const auto n_hosts = 1 + world.below(static_cast<std::uint64_t>(n_ranks_));
    for (Rank rank = 0; rank < n_ranks_; ++rank) {
      SimRank& it = ranks.emplace_back();
      it.number = rank;
      it.process = world.add_process(static_cast<int>(world.below(n_hosts)));
    }
    rendezvous_ = std::make_unique<TreeRendezvous>(world.system(0), world.address(0));
    id_ = rendezvous_->id();
    scheduler.add({0, [this] { return poll_rendezvous(); },
                   [this] { return rendezvous_ ? rendezvous_->next_deadline_ns() : INT64_MAX; },
                   [this] { rendezvous_.reset(); }});
  }

  void start(Rank rank) { start(ranks.at(static_cast<std::size_t>(rank))); }
  void start_all() {
    for (Rank rank = 0; rank < n_ranks_; ++rank) start(rank);
  }
  /// Another process that claims the same rank.
  void start_twin(Rank rank) {
    SimRank& twin = ranks.emplace_back();
    twin.number = rank;
    twin.process = world.add_process(1000);
    start(twin);
  }
  /// A process without the key that bothers the rendezvous, or a rank that listens for its children: it connects, says
  /// something, or nothing, or hangs up.
  void start_stranger() {
    const int process = world.add_process(2000);
    Endpoint address = decode_id(id_).endpoints.front();
    if (world.chance(0.7)) {  // ports are given out in order: some of these are listened on
      address.address = world.address(ranks.at(world.below(ranks.size())).process).address;
      address.port = static_cast<std::uint16_t>(address.port + world.below(static_cast<std::uint64_t>(3 * n_ranks_)));
    }
    auto socket = std::make_shared<Handle>();
    world.at(world.now_ns() + static_cast<std::int64_t>(world.below(5'000'000)), [this, process, address, socket] {
      *socket = world.system(process).connect_tcp(address);
      strangers_.push_back(socket);
    });
    world.at(world.now_ns() + 6'000'000 + static_cast<std::int64_t>(world.below(5'000'000)), [this, process, socket] {
      std::vector<std::byte> garbage(world.below(600));
      for (std::byte& b : garbage) b = static_cast<std::byte>(world.below(256));
      if (*socket) world.system(process).send(socket->id(), garbage);
      if (world.chance(0.3)) socket->reset();
    });
  }

  /// Until every rank that was started has left, failed or died. With `stay` they do not leave, but end by a fault.
  bool run() {
    const std::int64_t start_ns = world.now_ns();
    return scheduler.run([this] { return all_ended(); }, 2 * setup_ns) &&
           world.now_ns() - start_ns < setup_ns + second_ns;
  }
  bool run_until_connected() {
    return scheduler.run(
        [this] {
          return std::all_of(ranks.begin(), ranks.end(), [](const SimRank& rank) { return rank.plane != nullptr; });
        },
        2 * setup_ns);
  }
  bool all_ended() const {
    return std::all_of(ranks.begin(), ranks.end(), [this](const SimRank& rank) {
      if (rank.stage == SimRank::idle || rank.error || rank.stage == SimRank::left || world.crashed(rank.process))
        return true;
      return stay && rank.stage == SimRank::gathered && nobody_crashed();
    });
  }
  bool nobody_crashed() const {
    for (int process = 0; process < n_processes(); ++process) {
      if (world.crashed(process)) return false;
    }
    return true;
  }
  void destroy() {
    for (SimRank& rank : ranks) {
      rank.bootstrap.reset();
      rank.plane.reset();
    }
    rendezvous_.reset();
    for (const auto& stranger : strangers_) stranger->reset();
  }
  std::vector<const SimRank*> twins(Rank number) const {
    std::vector<const SimRank*> found;
    for (const SimRank& rank : ranks) {
      if (rank.number == number) found.push_back(&rank);
    }
    return found;
  }
  std::string describe() const {
    std::string text = format("{} ranks at {} ns:", n_ranks_, world.now_ns());
    for (const SimRank& rank : ranks) {
      text += format(" [{} stage {} gathers {} calls {}{}{}]", rank.number, static_cast<int>(rank.stage),
                     rank.n_gathers, world.calls(rank.process), world.crashed(rank.process) ? " crashed" : "",
                     rank.error ? " error: " + rank.error->text : "");
    }
    return text;
  }
  int n_ranks() const { return n_ranks_; }
  int n_processes() const { return static_cast<int>(ranks.size()); }  // of ranks

  SimWorld world;
  SimScheduler scheduler;
  std::deque<SimRank> ranks;  ///< stays in place as twins are added
  bool stay = false;
  bool heartbeats = false;
  bool event_driven = false;
  Rendezvous::Counts counts_at_the_end;

 private:
  void start(SimRank& rank) {
    rank.stage = SimRank::setting_up;
    BootstrapConfig config;
    config.rank = rank.number;
    config.n_ranks = n_ranks_;
    config.deadline_ns = world.now_ns() + setup_ns;
    if (heartbeats) {
      config.heartbeat_interval_ns = second_ns / 2;
      config.heartbeat_timeout_ns = 3 * second_ns;
    }
    rank.bootstrap = make_bootstrap(world.system(rank.process), id_, config);
    scheduler.add({rank.process, [this, &rank] { return step(rank); },
                   [&rank] {
                     if (rank.bootstrap) return rank.bootstrap->next_deadline_ns();
                     return rank.plane ? rank.plane->next_deadline_ns() : INT64_MAX;
                   },
                   [&rank] {
                     rank.bootstrap.reset();
                     rank.plane.reset();
                   }});
  }

  bool poll_rendezvous() {
    if (!rendezvous_) return false;
    if (event_driven) {
      if (!rendezvous_waits_) rendezvous_waits_ = world.system(0).make_wait_set();
      rendezvous_->watch(*rendezvous_waits_);
      const bool ready = static_cast<SimWaits&>(*rendezvous_waits_).ready();
      if (!ready && world.now_ns() < rendezvous_->next_deadline_ns()) return false;
    }
    if (event_driven ? rendezvous_->poll_ready(rendezvous_waits_->ready_handles()) : rendezvous_->poll()) {
      counts_at_the_end = rendezvous_->counts();
      rendezvous_.reset();
    }
    return false;
  }

  std::vector<std::byte> blob(Rank rank, int gather) const {
    const auto bytes = static_cast<std::size_t>((rank * 31 + gather * 977) % 1500);
    return std::vector<std::byte>(bytes, static_cast<std::byte>(rank * 3 + gather));
  }

  void fail(SimRank& rank, const ErrorInfo& info) {
    if (rank.error) return;
    rank.error = info;
    rank.stage = SimRank::failed;
    rank.bootstrap.reset();  // the plane stays: it passes on what it knows
  }

  /// With `event_driven`, polls only when a watched socket is ready or the deadline has come, as a service thread does.
  bool is_due(SimRank& rank) {
    if (!event_driven || rank.again) return true;
    if (static_cast<SimWaits&>(*rank.waits).ready()) return true;
    const std::int64_t next_ns = rank.bootstrap ? rank.bootstrap->next_deadline_ns()
                                 : rank.plane   ? rank.plane->next_deadline_ns()
                                                : INT64_MAX;
    return world.now_ns() >= next_ns;
  }

  bool step(SimRank& rank) {
    if (!is_due(rank)) return false;
    const auto state = [&] { return std::tuple(rank.stage, rank.n_gathers, rank.in_gather, rank.plane != nullptr); };
    const auto before = state();
    try {
      advance(rank);
    } catch (const Error& error) {
      fail(rank, error.info());
    }
    if (rank.plane && rank.stage != SimRank::left && rank.plane->fault() != nullptr) fail(rank, *rank.plane->fault());
    rank.again = state() != before;
    if (event_driven) {
      if (!rank.waits) rank.waits = world.system(rank.process).make_wait_set();
      if (rank.bootstrap) rank.bootstrap->watch(*rank.waits);
      if (rank.plane) rank.plane->watch(*rank.waits);
    }
    return rank.again;
  }

  void advance(SimRank& rank) {
    if (rank.bootstrap) {
      rank.plane = rank.bootstrap->poll();
      if (!rank.plane) return;
      rank.bootstrap.reset();
      rank.stage = SimRank::gathering;
    }
    if (!rank.plane) return;
    if (rank.stage == SimRank::gathering) return gather(rank);
    if (rank.stage == SimRank::gathered && !stay) {
      rank.plane->leave(static_cast<std::uint64_t>(rank.number));
      rank.stage = SimRank::leaving;
    }
    rank.plane->poll();
    if (rank.stage == SimRank::leaving && rank.plane->flushed()) {
      rank.stage = SimRank::left;
      rank.plane.reset();
    }
  }

  void gather(SimRank& rank) {
    if (!rank.in_gather)
      rank.plane->start_all_gather(blob(rank.number, rank.n_gathers), "gather", world.now_ns() + setup_ns);
    rank.in_gather = true;
    const auto blobs = rank.plane->poll_all_gather();
    if (!blobs) return;
    for (Rank other = 0; other < n_ranks_; ++other) {
      if (blobs->at(static_cast<std::size_t>(other)) != blob(other, rank.n_gathers)) rank.gathers_were_right = false;
    }
    rank.in_gather = false;
    if (++rank.n_gathers == gathers) rank.stage = SimRank::gathered;
  }

  int n_ranks_ = 0;
  strettoUniqueId id_{};
  std::unique_ptr<TreeRendezvous> rendezvous_;
  std::unique_ptr<WaitSet> rendezvous_waits_;
  std::vector<std::shared_ptr<Handle>> strangers_;
};

}  // namespace stretto::sim
