// Set-up of one rank, from a unique id to a Membership; a non-blocking state machine. The same code serves processes,
// threads and the simulator.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "base/system.hpp"
#include "bootstrap/bootstrap.hpp"
#include "comm/id_source.hpp"
#include "comm/settings.hpp"
#include "plan/cost_model.hpp"
#include "topology/graph/topology.hpp"
#include "transports/peer_windows.hpp"
#include "transports/transport.hpp"

namespace stretto {

/// What set-up gives: all that one rank needs to run collectives.
struct Membership {
  Rank rank = 0;
  int n_ranks = 1;
  std::array<std::byte, 32> key{};  ///< of the id
  Settings settings;                ///< with rank 0's values where they are part of the plan
  std::unique_ptr<Topology> topology;
  LinkModel link;
  int max_channels = 2;
  std::unique_ptr<ControlPlane> control;
  std::vector<std::unique_ptr<Transport>> transports;  ///< by row of the registry; nullptr where unused
  std::vector<Transport*> transport_to;                ///< by peer; nullptr for this rank
  // Of a device communicator, which has no transports:
  std::shared_ptr<Gpu> gpu;
  bool wide_arrives = false;                   ///< wide packets, between any two ranks, as a whole
  std::unique_ptr<PeerWindows> windows;        ///< of eager operations: one lane
  std::unique_ptr<PeerWindows> graph_windows;  ///< of captures: the first lanes
};

class Setup {
 public:
  Setup(System& system, const strettoUniqueId& id, Rank rank, int n_ranks, const Settings& settings);
  /// The id comes later.
  Setup(System& system, std::unique_ptr<IdSource> source, Rank rank, int n_ranks, const Settings& settings);
  ~Setup();

  /// True when the membership is complete. Throws Error; other ranks have then been told, as far as they could be.
  bool poll();
  Membership take() { return std::move(membership_); }
  /// The id is still to come: errors are then in the numbers of the communicator that the ranks come from.
  bool meets() const { return source_ != nullptr; }
  /// Whether other ranks would notice if this one went.
  bool is_known() const { return source_ ? source_->is_known() : !bootstrap_ || bootstrap_->is_known(); }
  /// Tells the other ranks why this one gives up, as far as they can be told.
  void report(const ErrorInfo& why);

  void watch(WaitSet& waits);
  std::int64_t next_deadline_ns();

 private:
  enum class Phase : std::uint8_t { meet, connect, cards, descriptions, transports, ready, done, broken, failed };

  Setup(System& system, Rank rank, int n_ranks, const Settings& settings);
  void start_bootstrap(const strettoUniqueId& id);
  bool step();
  bool meet();
  bool connect();
  void wait_for_the_cause();
  void adopt_cards(const std::vector<std::vector<std::byte>>& blobs);
  void choose_transports();
  void make_transports();
  void start_transports(const std::vector<std::vector<std::byte>>& blobs);
  bool on_device() const { return membership_.settings.gpu != nullptr; }
  void make_windows();
  /// Of a device communicator; else nullptr.
  std::array<PeerWindows*, 2> windows() const { return {membership_.windows.get(), membership_.graph_windows.get()}; }
  void start_windows(const std::vector<std::vector<std::byte>>& blobs);
  bool transports_up();
  void gather(std::vector<std::byte> mine, const char* phase);

  System& system_;
  std::int64_t deadline_ns_ = 0;
  Phase phase_ = Phase::connect;
  std::unique_ptr<IdSource> source_;  ///< while the id is not known
  std::unique_ptr<Bootstrap> bootstrap_;
  std::vector<std::vector<Rank>> peers_;  ///< by row of the registry: the ranks that it serves
  std::vector<GpuUuid> gpu_of_rank_;      ///< of a device communicator
  Membership membership_;
  ErrorInfo trouble_;  ///< what went wrong here while connecting; perhaps only an effect
  std::int64_t cause_deadline_ns_ = 0;
};

}  // namespace stretto
