#include "transports/shm/shm_transport.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/text.hpp"
#include "transports/shm/joiner.hpp"
#include "transports/shm/leader.hpp"
#include "transports/shm/ports.hpp"

namespace stretto {
namespace shm {
namespace {

class ShmTransport final : public Transport {
 public:
  ShmTransport(System& system, const TransportConfig& config, std::uint32_t first_position)
      : system_(system), config_(config), key_(config.key.begin(), config.key.end()) {
    config_.key = key_;
    address_.rank = config.rank;
    address_.channels = config.channels;
    address_.slots = config.slots;
    address_.slot_bytes = config.slot_bytes;
    address_.first_position = first_position;
    STRETTO_ASSERT(first_position % (2 * config.slots) == 0);
  }

  std::vector<std::byte> describe() override;
  void start(std::span<const std::vector<std::byte>> blobs, std::span<const Rank> peers) override;
  bool poll_setup() override;
  void finish_setup() override;
  void watch(WaitSet& waits) override;
  std::int64_t next_deadline_ns() const override;

  SendPort& send_port(Rank peer, int channel) override { return send_ports_[port_index(peer, channel)]; }
  ReceivePort& receive_port(Rank peer, int channel) override { return receive_ports_[port_index(peer, channel)]; }
  void progress() override {}

 private:
  Address address_of(std::span<const std::vector<std::byte>> blobs, Rank rank) const;
  void compare(const Address& other) const;
  template <typename T>
  void compare_field(Rank peer, const char* field, T mine, T theirs) const;
  void map_ports(Mapping mapping);
  void write_first_credits(std::byte* base) const;
  std::size_t index_of(Rank rank) const;
  std::size_t port_index(Rank peer, int channel) const;

  System& system_;
  TransportConfig config_;
  std::vector<std::byte> key_;
  Address address_;
  std::vector<Rank> ranks_;  ///< of this host, this one included, ascending
  std::optional<Layout> layout_;
  // Of set-up only. The state machines refer to the party.
  std::optional<Party> party_;
  std::optional<Leader> leader_;
  std::optional<Joiner> joiner_;
  // The ports refer to the mapping. By peer (this rank's own entries are unused) and channel.
  Mapping mapping_;
  std::vector<ShmSendPort> send_ports_;
  std::vector<ShmReceivePort> receive_ports_;
};

std::vector<std::byte> ShmTransport::describe() {
  address_.name = make_name(system_);
  const auto bytes = std::as_bytes(std::span(&address_, 1));
  return {bytes.begin(), bytes.end()};
}

void ShmTransport::start(std::span<const std::vector<std::byte>> blobs, std::span<const Rank> peers) {
  ranks_.assign(peers.begin(), peers.end());
  ranks_.push_back(config_.rank);
  std::sort(ranks_.begin(), ranks_.end());
  STRETTO_ASSERT(std::adjacent_find(ranks_.begin(), ranks_.end()) == ranks_.end());
  layout_.emplace(ranks_.size(), static_cast<std::size_t>(std::max(config_.channels, 0)), config_.slots,
                  config_.slot_bytes);
  if (peers.empty()) return;
  for (const Rank peer : peers) compare(address_of(blobs, peer));

  const Address leader = address_of(blobs, ranks_.front());
  party_.emplace(system_, config_, leader, layout_->bytes());
  if (leader.rank == config_.rank) {
    leader_.emplace(*party_, std::vector<Rank>(ranks_.begin() + 1, ranks_.end()));
    Mapping mapping = leader_->take_mapping();
    write_first_credits(mapping.data());
    map_ports(std::move(mapping));
  } else {
    joiner_.emplace(*party_);
  }
}

bool ShmTransport::poll_setup() {
  if (leader_) return leader_->poll();
  if (!joiner_) return true;
  if (!joiner_->poll()) return false;
  if (!mapping_) map_ports(joiner_->take_mapping());
  return true;
}

void ShmTransport::finish_setup() {
  leader_.reset();
  joiner_.reset();
  party_.reset();
  std::fill(key_.begin(), key_.end(), std::byte{0});
}

void ShmTransport::watch(WaitSet& waits) {
  if (leader_) leader_->watch(waits);
  if (joiner_) joiner_->watch(waits);
}

std::int64_t ShmTransport::next_deadline_ns() const {
  return joiner_ ? std::min(joiner_->next_deadline_ns(), config_.deadline_ns) : config_.deadline_ns;
}

Address ShmTransport::address_of(std::span<const std::vector<std::byte>> blobs, Rank rank) const {
  Address address;
  const auto index = static_cast<std::size_t>(rank);
  const bool fits = rank >= 0 && index < blobs.size() && blobs[index].size() == sizeof(address);
  if (fits) std::memcpy(&address, blobs[index].data(), sizeof(address));
  if (!fits || address.magic != kMagic || address.rank != rank) {
    ErrorInfo info;
    info.code = strettoRemoteError;
    info.rank = config_.rank;
    info.peer = rank;
    info.name = "shared memory";
    info.text = format(
        "what rank {} says of its shared memory cannot be understood: use the same version of stretto on "
        "all ranks",
        rank);
    throw Error(std::move(info));
  }
  return address;
}

template <typename T>
void ShmTransport::compare_field(Rank peer, const char* field, T mine, T theirs) const {
  if (mine == theirs) return;
  ErrorInfo info;
  info.code = strettoInvalidUsage;
  info.rank = config_.rank;
  info.peer = peer;
  info.field = field;
  info.name = "shared memory";
  info.text =
      format("rank {} has {} = {}, rank {} has {}: configure all ranks alike", config_.rank, field, mine, peer, theirs);
  throw Error(std::move(info));
}

void ShmTransport::compare(const Address& other) const {
  compare_field(other.rank, "channels", address_.channels, other.channels);
  compare_field(other.rank, "slots", address_.slots, other.slots);
  compare_field(other.rank, "slot_bytes", address_.slot_bytes, other.slot_bytes);
  compare_field(other.rank, "first_position", address_.first_position, other.first_position);
}

void ShmTransport::map_ports(Mapping mapping) {
  mapping_ = std::move(mapping);
  const std::size_t me = index_of(config_.rank);
  const auto channels = static_cast<std::size_t>(config_.channels);
  send_ports_.reserve(ranks_.size() * channels);
  receive_ports_.reserve(ranks_.size() * channels);
  PortConfig port{{}, config_.slots, config_.slot_bytes, address_.first_position};
  for (std::size_t peer = 0; peer < ranks_.size(); ++peer) {
    for (std::size_t channel = 0; channel < channels; ++channel) {
      port.connection = peer == me ? Connection{} : layout_->at(mapping_.data(), me, peer, channel);
      send_ports_.emplace_back(port);
      port.connection = peer == me ? Connection{} : layout_->at(mapping_.data(), peer, me, channel);
      receive_ports_.emplace_back(port);
    }
  }
}

/// Fresh memory is zero, which is right for positions from 0; others start from what their receivers "released".
void ShmTransport::write_first_credits(std::byte* base) const {
  if (address_.first_position == 0) return;
  for (std::size_t from = 0; from < ranks_.size(); ++from) {
    for (std::size_t to = 0; to < ranks_.size(); ++to) {
      for (std::size_t channel = 0; from != to && channel < static_cast<std::size_t>(config_.channels); ++channel) {
        layout_->at(base, from, to, channel)
            .credits->released.store(address_.first_position, std::memory_order_release);
      }
    }
  }
}

std::size_t ShmTransport::index_of(Rank rank) const {
  const auto found = std::lower_bound(ranks_.begin(), ranks_.end(), rank);
  STRETTO_ASSERT(found != ranks_.end() && *found == rank);
  return static_cast<std::size_t>(found - ranks_.begin());
}

std::size_t ShmTransport::port_index(Rank peer, int channel) const {
  STRETTO_ASSERT(!send_ports_.empty() && peer != config_.rank && channel >= 0 && channel < config_.channels);
  return index_of(peer) * static_cast<std::size_t>(config_.channels) + static_cast<std::size_t>(channel);
}

}  // namespace
}  // namespace shm

std::unique_ptr<Transport> make_shm_transport(System& system, const TransportConfig& config,
                                              std::uint32_t first_position) {
  return std::make_unique<shm::ShmTransport>(system, config, first_position);
}

}  // namespace stretto
