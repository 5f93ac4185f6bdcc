// Many ranks in one thread, over the real system on loopback: polled in turn until something holds or time is up.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bootstrap/bootstrap.hpp"
#include "support/forwarding_system.hpp"

namespace stretto::test {

constexpr std::int64_t millisecond_ns = 1'000'000;
constexpr std::int64_t second_ns = 1'000 * millisecond_ns;

struct OneRank {
  std::unique_ptr<Bootstrap> bootstrap;
  std::unique_ptr<ControlPlane> plane;
  std::optional<ErrorInfo> error;  ///< that ended its set-up or a gather
};

class Ranks {
 public:
  explicit Ranks(int n, const char* address = "127.0.0.1", std::int64_t timeout_ns = 20 * second_ns)
      : n_ranks(n), setup_timeout_ns(timeout_ns), ranks(static_cast<std::size_t>(n)) {
    rendezvous = make_rendezvous(system, *parse_endpoint(address));
  }

  BootstrapConfig config(Rank rank) const {
    BootstrapConfig config;
    config.rank = rank;
    config.n_ranks = n_ranks;
    config.deadline_ns = system.now_ns() + setup_timeout_ns;
    config.heartbeat_interval_ns = heartbeat_interval_ns;
    config.heartbeat_timeout_ns = heartbeat_timeout_ns;
    return config;
  }
  void start(Rank rank) { start(rank, config(rank)); }
  void start(Rank slot, const BootstrapConfig& config) {
    at(slot).bootstrap = make_bootstrap(system, rendezvous->id(), config);
  }
  void start_all() {
    for (Rank rank = 0; rank < n_ranks; ++rank) start(rank);
  }
  OneRank& at(Rank rank) { return ranks[static_cast<std::size_t>(rank)]; }

  void poll() {
    if (rendezvous && !rendezvous_done)
      rendezvous_done = waited == nullptr ? rendezvous->poll() : rendezvous->poll_ready(waited->ready_handles());
    for (OneRank& rank : ranks) {
      if (rank.plane) rank.plane->poll();
      if (!rank.bootstrap) continue;
      try {
        rank.plane = rank.bootstrap->poll();
        if (rank.plane) rank.bootstrap.reset();
      } catch (const Error& error) {
        rank.error = error.info();
        rank.bootstrap.reset();
      }
    }
  }
  /// Polls all until `done`; false after `limit_ns`.
  bool until(const std::function<bool()>& done, std::int64_t limit_ns = 10 * second_ns) {
    for (const std::int64_t end_ns = system.now_ns() + limit_ns; system.now_ns() < end_ns;) {
      poll();
      if (done()) return true;
    }
    return false;
  }
  bool all(const std::function<bool(const OneRank&)>& holds) const {
    for (const OneRank& rank : ranks) {
      if (!holds(rank)) return false;
    }
    return true;
  }
  bool connect() {
    return until([&] { return all([](const OneRank& rank) { return rank.plane || rank.error; }); }) &&
           all([](const OneRank& rank) { return rank.plane != nullptr; });
  }
  /// Gathers `blob(rank)` on every rank that has a plane; errors go to OneRank::error. False if not all ended in time.
  bool gather(const std::function<std::vector<std::byte>(Rank)>& blob, std::int64_t timeout_ns = 10 * second_ns) {
    std::vector<bool> pending(ranks.size(), false);
    gathered.assign(ranks.size(), {});
    for (Rank rank = 0; rank < n_ranks; ++rank) {
      if (!at(rank).plane) continue;
      at(rank).plane->start_all_gather(blob(rank), "test phase", system.now_ns() + timeout_ns);
      pending[static_cast<std::size_t>(rank)] = true;
    }
    return until([&] {
      bool some = false;
      for (std::size_t i = 0; i < ranks.size(); ++i) {
        if (!pending[i]) continue;
        try {
          if (auto blobs = ranks[i].plane->poll_all_gather()) {
            gathered[i] = std::move(*blobs);
            pending[i] = false;
          }
        } catch (const Error& error) {
          ranks[i].error = error.info();
          pending[i] = false;
        }
        some = some || pending[i];
      }
      return !some;
    });
  }

  StallFreeSystem stall_free;
  System& system = stall_free;
  int n_ranks;
  std::int64_t setup_timeout_ns;
  std::int64_t heartbeat_interval_ns = 0;
  std::int64_t heartbeat_timeout_ns = 0;
  std::unique_ptr<Rendezvous> rendezvous;
  bool rendezvous_done = false;
  const WaitSet* waited = nullptr;  ///< that watches the rendezvous: only what it finds ready is read
  std::vector<OneRank> ranks;
  std::vector<std::vector<std::vector<std::byte>>> gathered;
};

inline std::vector<std::byte> text_bytes(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace stretto::test
