#include "sim/bootstrap_scale.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "bootstrap/rendezvous.hpp"
#include "sim/allocation_account.hpp"
#include "sim/sim_event_loop.hpp"
#include "support/forwarding_system.hpp"

namespace stretto::sim {
namespace {

constexpr std::int64_t setup_ns = 60'000'000'000;

/// What the simulated kernel allocates within a call is not its caller's.
class KernelWaits final : public WaitSet {
 public:
  explicit KernelWaits(std::unique_ptr<WaitSet> inner) : inner_(std::move(inner)) {}
  void watch(int handle, std::uint8_t events) override {
    const Charge kernel(nullptr);
    inner_->watch(handle, events);
  }
  void wait(std::int64_t) override {}
  std::span<const int> ready_handles() const override { return inner_->ready_handles(); }
  void wake() override { inner_->wake(); }
  bool ready() {
    const Charge kernel(nullptr);
    return static_cast<SimWaits&>(*inner_).ready();
  }

 private:
  std::unique_ptr<WaitSet> inner_;
};

class KernelSystem final : public ForwardingSystem {
 public:
  using ForwardingSystem::ForwardingSystem;
  Handle listen_tcp(Endpoint& endpoint) override {
    const Charge kernel(nullptr);
    return inner_.listen_tcp(endpoint);
  }
  Handle accept(int listener) override {
    const Charge kernel(nullptr);
    return inner_.accept(listener);
  }
  Handle connect_tcp(const Endpoint& endpoint) override {
    const Charge kernel(nullptr);
    return inner_.connect_tcp(endpoint);
  }
  IoResult send(int socket, std::span<const std::byte> bytes) override {
    const Charge kernel(nullptr);
    return inner_.send(socket, bytes);
  }
  IoResult receive(int socket, std::span<std::byte> bytes) override {
    const Charge kernel(nullptr);
    return inner_.receive(socket, bytes);
  }
};

/// So that a blob that went to the wrong place, or from it, is seen.
std::vector<std::byte> card_of(Rank rank, std::size_t bytes) {
  std::vector<std::byte> card(bytes, static_cast<std::byte>(rank * 7 + 1));
  std::memcpy(card.data(), &rank, std::min(bytes, sizeof rank));
  return card;
}

struct Progress {
  int n_came = 0;
  int n_gathered = 0;
  bool cards_were_right = true;
  std::int64_t last_came_ns = 0;
  std::int64_t last_gathered_ns = 0;
  std::string trouble;
};

/// One rank, and the rendezvous in rank 0's process, driven as the service thread does.
class ScaleRank final : public SimParty {
 public:
  ScaleRank(SimWorld& world, const ScaleConfig& config, Rank rank, AllocationAccount* account, Progress& progress)
      : config_(config),
        rank_(rank),
        account_(account),
        progress_(progress),
        system_(world.system(rank)),
        waits_(system_.make_wait_set()) {}

  const TreeRendezvous& open_rendezvous(const Endpoint& address) {
    const Charge mine(account_);
    rendezvous_ = std::make_unique<TreeRendezvous>(system_, address);
    return *rendezvous_;
  }
  void start(const strettoUniqueId& id) {
    const Charge mine(account_);
    BootstrapConfig bootstrap;
    bootstrap.rank = rank_;
    bootstrap.n_ranks = config_.n_ranks;
    bootstrap.deadline_ns = system_.now_ns() + setup_ns;
    bootstrap_ = make_bootstrap(system_, id, bootstrap);
  }
  const Rendezvous::Counts& frames() const { return frames_; }

  bool poll() override {
    const Charge mine(account_);
    waits_.ready();
    bool again = false;
    try {
      poll_rendezvous();
      again = advance();
    } catch (const Error& error) {
      if (progress_.trouble.empty()) progress_.trouble = error.what();
      bootstrap_.reset();
    }
    if (rendezvous_) rendezvous_->watch(waits_);
    if (bootstrap_) bootstrap_->watch(waits_);
    if (plane_) plane_->watch(waits_);
    return waits_.ready() || again;
  }
  std::int64_t next_deadline_ns() const override {
    std::int64_t next_ns = std::numeric_limits<std::int64_t>::max();
    if (rendezvous_) next_ns = std::min(next_ns, rendezvous_->next_deadline_ns());
    if (bootstrap_) next_ns = std::min(next_ns, bootstrap_->next_deadline_ns());
    if (plane_) next_ns = std::min(next_ns, plane_->next_deadline_ns());
    return next_ns;
  }

 private:
  void poll_rendezvous() {
    if (!rendezvous_) return;
    const bool over = config_.look_at_all ? rendezvous_->poll() : rendezvous_->poll_ready(waits_.ready_handles());
    frames_ = rendezvous_->counts();
    if (over) rendezvous_.reset();
  }
  /// True: the next step needs no message.
  bool advance() {
    if (bootstrap_) {
      plane_ = bootstrap_->poll();
      if (!plane_) return false;
      bootstrap_.reset();
      ++progress_.n_came;
      progress_.last_came_ns = std::max(progress_.last_came_ns, system_.now_ns());
      if (config_.card_bytes == 0) return false;
      plane_->start_all_gather(card_of(rank_, config_.card_bytes), "cards", system_.now_ns() + setup_ns);
      gathering_ = true;
    }
    if (!plane_) return false;
    if (!gathering_) return plane_->poll(), false;
    const auto cards = plane_->poll_all_gather();
    if (!cards) return false;
    gathering_ = false;
    ++progress_.n_gathered;
    progress_.last_gathered_ns = std::max(progress_.last_gathered_ns, system_.now_ns());
    for (Rank other = 0; other < config_.n_ranks; ++other) {
      if ((*cards)[static_cast<std::size_t>(other)] != card_of(other, config_.card_bytes))
        progress_.cards_were_right = false;
    }
    return true;
  }

  const ScaleConfig& config_;
  Rank rank_;
  AllocationAccount* account_;
  Progress& progress_;
  KernelSystem system_;
  KernelWaits waits_;
  std::unique_ptr<TreeRendezvous> rendezvous_;
  Rendezvous::Counts frames_;
  std::unique_ptr<Bootstrap> bootstrap_;
  std::unique_ptr<ControlPlane> plane_;
  bool gathering_ = false;
};

RootCost root_cost(const SimWorld& world, const AllocationAccount& account, std::int64_t took_ns) {
  return {static_cast<double>(took_ns) * 1e-9, world.traffic(0), world.calls(0), account.most_bytes};
}

}  // namespace

ScaleResult run_at_scale(const ScaleConfig& config) {
  AllocationAccount account;
  Progress progress;
  SimWorld world(1, fault_free(config.delay_ns, config.service_ns));
  for (Rank rank = 0; rank < config.n_ranks; ++rank) world.add_process(rank / config.ranks_per_host);
  std::vector<std::unique_ptr<ScaleRank>> ranks;
  for (Rank rank = 0; rank < config.n_ranks; ++rank) {
    ranks.push_back(std::make_unique<ScaleRank>(world, config, rank, rank == 0 ? &account : nullptr, progress));
  }
  const strettoUniqueId id = ranks[0]->open_rendezvous(world.address(0)).id();
  SimEventLoop loop(world);
  const std::int64_t start_ns = world.now_ns();
  for (const auto& rank : ranks) {
    rank->start(id);
    loop.add(*rank);
  }
  ScaleResult result;
  const std::int64_t end_ns = start_ns + setup_ns;
  const auto stuck = [&] { return !progress.trouble.empty(); };
  loop.run([&] { return stuck() || progress.n_came == config.n_ranks; }, end_ns);
  result.all_came = progress.n_came == config.n_ranks;
  result.bootstrap = root_cost(world, account, progress.last_came_ns - start_ns);
  if (config.card_bytes > 0) {
    loop.run([&] { return stuck() || progress.n_gathered == config.n_ranks; }, end_ns);
    result.all_gathered = progress.n_gathered == config.n_ranks && progress.cards_were_right;
    result.gather = root_cost(world, account, progress.last_gathered_ns - start_ns);
  }
  result.frames = ranks[0]->frames();
  result.trouble = progress.trouble;
  return result;
}

}  // namespace stretto::sim
