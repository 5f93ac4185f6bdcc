#include "comm/setup.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "comm/rank_card.hpp"
#include "comm/setup_parts.hpp"
#include "comm/this_machine.hpp"

namespace stretto {
namespace {

/// How long a rank whose transport failed waits for word of the cause.
constexpr std::int64_t kCauseNs = 200'000'000;

/// Slots are smaller where there are many connections: a rank has one to each peer.
std::uint64_t default_slot_bytes(int n_ranks) {
  if (n_ranks <= 8) return 64 << 10;
  if (n_ranks <= 32) return 32 << 10;
  return n_ranks <= 128 ? 8 << 10 : 4 << 10;
}

BootstrapConfig bootstrap_config(Rank rank, int n_ranks, const Settings& settings, std::int64_t deadline_ns) {
  return {rank, n_ranks, deadline_ns, settings.heartbeat_interval_ns, settings.heartbeat_timeout_ns};
}

[[noreturn]] void algorithms_differ(Rank rank, const std::string& mine, const std::string& roots) {
  ErrorInfo info;
  info.code = strettoInvalidUsage;
  info.rank = rank;
  info.peer = 0;
  info.field = "algorithm";
  info.name = "set-up";
  info.text = format("rank {} asks for algorithm \"{}\" in its config, rank 0 for \"{}\": give all ranks the same",
                     rank, mine, roots);
  throw Error(info);
}

std::string_view kind_name(bool on_device) { return on_device ? "a device" : "host memory"; }

[[noreturn]] void kinds_differ(Rank rank, bool on_device, Rank peer) {
  ErrorInfo info;
  info.code = strettoInvalidUsage;
  info.rank = rank;
  info.peer = peer;
  info.field = "device";
  info.name = "set-up";
  info.text = format("rank {} is of {}, rank {} of {}: a communicator is of host memory or of devices on all ranks",
                     rank, kind_name(on_device), peer, kind_name(!on_device));
  throw Error(info);
}

/// As many as all ranks' blocks fit on their GPUs side by side, each channel having two strands at most: a block that
/// waits for another which cannot start would wait for ever. Equal on all ranks, since all hold the same cards.
int device_channels(const std::vector<RankCard>& cards, std::uint32_t asked) {
  std::uint32_t channels = asked != 0 ? asked : max_channels_most;
  for (const RankCard& card : cards) {
    const auto ranks_there = static_cast<std::uint32_t>(
        std::ranges::count_if(cards, [&](const RankCard& other) { return other.gpu == card.gpu; }));
    channels = std::min(channels, card.resident_blocks / (2 * ranks_there));
  }
  return static_cast<int>(std::max<std::uint32_t>(1, channels));
}

Descriptions decode_description_of_each_row(std::span<const std::byte> bytes) {
  Descriptions descriptions = decode_descriptions(bytes);
  if (descriptions.size() != transport_rows().size())
    throw Error(strettoRemoteError, format("it has {} transports", descriptions.size()));
  return descriptions;
}

}  // namespace

void no_transport(Rank rank, const HostIdentity& mine, Rank peer, const HostIdentity& theirs) {
  ErrorInfo info;
  info.code = strettoUnsupported;
  info.rank = rank;
  info.peer = peer;
  info.host = theirs.host_name;
  info.name = "choice of transports";
  info.text = format(
      "no transport joins rank {} (host {}) and rank {} (host {}): this release has shared memory only, which needs "
      "one "
      "host, one user and one network namespace",
      rank, mine.host_name, peer, theirs.host_name);
  throw Error(info);
}

Setup::Setup(System& system, Rank rank, int n_ranks, const Settings& settings)
    : system_(system), deadline_ns_(system.now_ns() + settings.setup_timeout_ns) {
  membership_.rank = rank;
  membership_.n_ranks = n_ranks;
  membership_.settings = settings;
}

Setup::Setup(System& system, const strettoUniqueId& id, Rank rank, int n_ranks, const Settings& settings)
    : Setup(system, rank, n_ranks, settings) {
  start_bootstrap(id);
}

Setup::Setup(System& system, std::unique_ptr<IdSource> source, Rank rank, int n_ranks, const Settings& settings)
    : Setup(system, rank, n_ranks, settings) {
  source_ = std::move(source);
  phase_ = Phase::meet;
}

void Setup::start_bootstrap(const strettoUniqueId& id) {
  membership_.key = key_of(id);
  bootstrap_ = make_bootstrap(
      system_, id, bootstrap_config(membership_.rank, membership_.n_ranks, membership_.settings, deadline_ns_));
}

Setup::~Setup() = default;

bool Setup::poll() {
  if (phase_ == Phase::done) return true;
  if (phase_ == Phase::broken) {
    wait_for_the_cause();
    return false;
  }
  try {
    while (step()) {
    }
  } catch (const Error& error) {
    if (phase_ == Phase::transports && error.info().code == strettoRemoteError) {
      phase_ = Phase::broken;
      trouble_ = error.info();
      cause_deadline_ns_ = system_.now_ns() + kCauseNs;
      return false;
    }
    report(error.info());
    throw;
  }
  return phase_ == Phase::done;
}

void Setup::report(const ErrorInfo& why) {
  phase_ = Phase::failed;
  if (!membership_.control) return;
  membership_.control->report(why);
  membership_.control->poll();
}

/// A peer that closes a transport's connection has often only heard of the trouble before we did: whom it is really
/// about comes over the control plane.
void Setup::wait_for_the_cause() {
  membership_.control->poll();
  const ErrorInfo* fault = membership_.control->fault();
  if (fault == nullptr && system_.now_ns() < cause_deadline_ns_) return;
  if (fault != nullptr) {
    phase_ = Phase::failed;
    throw Error(*fault);
  }
  report(trouble_);
  throw Error(trouble_);
}

void Setup::gather(std::vector<std::byte> mine, const char* phase) {
  membership_.control->start_all_gather(std::move(mine), phase, deadline_ns_);
}

bool Setup::meet() {
  const std::optional<strettoUniqueId> id = source_->poll();
  if (!id) return false;
  source_.reset();
  start_bootstrap(*id);
  phase_ = Phase::connect;
  return true;
}

bool Setup::connect() {
  membership_.control = bootstrap_->poll();
  if (!membership_.control) return false;
  bootstrap_.reset();  // the rendezvous hangs up, and a socket at its end that nobody reads wakes us for ever
  const Settings& settings = membership_.settings;
  RankCard card{identity_of(system_, settings, membership_.rank, membership_.n_ranks), settings, 0, {}};
  if (on_device()) {
    card.resident_blocks = membership_.settings.gpu->resident_blocks();
    card.gpu = membership_.settings.gpu->facts().uuid;
  }
  gather(encode(card), "exchange of settings");
  phase_ = Phase::cards;
  return true;
}

/// One transition; false when nothing can be done now.
bool Setup::step() {
  if (phase_ == Phase::meet) return meet();
  if (phase_ == Phase::connect) return connect();
  if (phase_ == Phase::transports) {
    membership_.control->poll();
    if (const ErrorInfo* fault = membership_.control->fault(); fault != nullptr) throw Error(*fault);
    if (!transports_up()) return false;
    gather({}, "connecting of transports");
    phase_ = Phase::ready;
    return true;
  }
  if (phase_ >= Phase::done) return false;
  membership_.control->poll();
  const auto blobs = membership_.control->poll_all_gather();
  if (!blobs) return false;
  if (phase_ == Phase::cards) {
    adopt_cards(*blobs);
    if (on_device()) {
      make_windows();
    } else {
      choose_transports();
      make_transports();
    }
    phase_ = Phase::descriptions;
  } else if (phase_ == Phase::descriptions) {
    if (on_device()) {
      start_windows(*blobs);
    } else {
      start_transports(*blobs);
    }
    phase_ = Phase::transports;
  } else {
    for (const auto& transport : membership_.transports) {
      if (transport) transport->finish_setup();
    }
    phase_ = Phase::done;
  }
  return true;
}

/// Everyone's facts become the topology; rank 0's settings become everyone's where they are part of the plan.
void Setup::adopt_cards(const std::vector<std::vector<std::byte>>& blobs) {
  const std::vector<RankCard> cards = decode_all(membership_.rank, blobs, decode_rank_card);
  std::vector<HostIdentity> identities;
  for (const RankCard& card : cards) identities.push_back(card.identity);
  const Settings& roots = cards.front().settings;
  Settings& mine = membership_.settings;
  if (mine.algorithm_from_config && mine.algorithm != roots.algorithm) {
    algorithms_differ(membership_.rank, mine.algorithm, roots.algorithm);
  }
  for (std::size_t rank = 0; rank < cards.size(); ++rank) {
    const bool theirs = cards[rank].resident_blocks != 0;
    if (theirs != on_device()) kinds_differ(membership_.rank, on_device(), static_cast<Rank>(rank));
  }
  for (const RankCard& card : cards) gpu_of_rank_.push_back(card.gpu);
  mine.algorithm = roots.algorithm;
  mine.protocol = roots.protocol;
  mine.max_channels = roots.max_channels;
  mine.shm_slot_bytes = roots.shm_slot_bytes != 0 ? roots.shm_slot_bytes : default_slot_bytes(membership_.n_ranks);
  mine.shm_slots = roots.shm_slots != 0 ? roots.shm_slots : 4;
  mine.debug = roots.debug;
  mine.constants = roots.constants;
  mine.pair_times = roots.pair_times;
  membership_.topology = std::make_unique<Topology>(std::move(identities));
  membership_.max_channels = mine.max_channels != 0 ? static_cast<int>(mine.max_channels) : 2;
  if (on_device()) membership_.max_channels = device_channels(cards, mine.max_channels);
  static_cast<LinkConstants&>(membership_.link) = mine.constants;
  membership_.link.ranks_per_core = membership_.topology->ranks_per_core();
  membership_.link.groups = membership_.topology->groups();
  membership_.link.slot_bytes = mine.shm_slot_bytes;
  membership_.link.slots = mine.shm_slots;
}

/// The first row of the registry that reaches each peer.
void Setup::choose_transports() {
  const auto rows = transport_rows();
  const HostIdentity& mine = membership_.topology->identity(membership_.rank);
  peers_.assign(rows.size(), {});
  for (Rank peer = 0; peer < membership_.n_ranks; ++peer) {
    if (peer == membership_.rank) continue;
    const HostIdentity& theirs = membership_.topology->identity(peer);
    std::size_t row = 0;
    while (row < rows.size() && !rows[row].reaches(mine, theirs)) ++row;
    if (row == rows.size()) no_transport(membership_.rank, mine, peer, theirs);
    peers_[row].push_back(peer);
  }
}

/// Makes the transports that are used, and sends round what they say of themselves.
void Setup::make_transports() {
  TransportConfig config;
  config.rank = membership_.rank;
  config.n_ranks = membership_.n_ranks;
  config.channels = membership_.max_channels;
  config.slot_bytes = membership_.settings.shm_slot_bytes;
  config.slots = membership_.settings.shm_slots;
  config.key = membership_.key;
  config.deadline_ns = deadline_ns_;
  const auto rows = transport_rows();
  Descriptions descriptions(rows.size());
  membership_.transports.resize(rows.size());
  membership_.transport_to.assign(static_cast<std::size_t>(membership_.n_ranks), nullptr);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (peers_[row].empty()) continue;
    membership_.transports[row] = rows[row].make(system_, config);
    descriptions[row] = membership_.transports[row]->describe();
    for (Rank peer : peers_[row]) {
      membership_.transport_to[static_cast<std::size_t>(peer)] = membership_.transports[row].get();
    }
  }
  gather(encode(descriptions), "exchange of transport addresses");
}

void Setup::start_transports(const std::vector<std::vector<std::byte>>& blobs) {
  const std::vector<Descriptions> by_rank = decode_all(membership_.rank, blobs, decode_description_of_each_row);
  for (std::size_t row = 0; row < membership_.transports.size(); ++row) {
    if (!membership_.transports[row]) continue;
    std::vector<std::vector<std::byte>> of_row;
    for (const Descriptions& descriptions : by_rank) of_row.push_back(descriptions[row]);
    membership_.transports[row]->start(of_row, peers_[row]);
  }
}

bool Setup::transports_up() {
  bool up = true;
  for (const auto& transport : membership_.transports) up = (!transport || transport->poll_setup()) && up;
  for (PeerWindows* each : windows()) up = (each == nullptr || each->poll_setup()) && up;
  return up;
}

void Setup::watch(WaitSet& waits) {
  if (membership_.control) {
    membership_.control->watch(waits);
    if (phase_ == Phase::transports) {
      for (const auto& transport : membership_.transports) {
        if (transport) transport->watch(waits);
      }
      for (PeerWindows* each : windows()) {
        if (each != nullptr) each->watch(waits);
      }
    }
  } else if (bootstrap_) {
    bootstrap_->watch(waits);
  } else if (source_) {
    source_->watch(waits);
  }
}

std::int64_t Setup::next_deadline_ns() {
  if (source_) return source_->next_deadline_ns();
  if (!membership_.control) return bootstrap_->next_deadline_ns();
  std::int64_t next_ns = membership_.control->next_deadline_ns();
  if (phase_ == Phase::broken) next_ns = std::min(next_ns, cause_deadline_ns_);
  if (phase_ == Phase::transports) {
    for (const auto& transport : membership_.transports) {
      if (transport) next_ns = std::min(next_ns, transport->next_deadline_ns());
    }
    if (on_device()) next_ns = std::min(next_ns, deadline_ns_);
  }
  return next_ns;
}

}  // namespace stretto
