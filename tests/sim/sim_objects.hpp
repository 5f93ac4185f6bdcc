// What the simulated kernel holds: sockets, listeners, memory, and one process's view of them. For sim_*.cpp only.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "sim/sim_system.hpp"

namespace stretto::sim {

struct SimMemory {
  explicit SimMemory(std::size_t bytes);
  ~SimMemory();
  SimMemory(const SimMemory&) = delete;
  SimMemory& operator=(const SimMemory&) = delete;
  std::byte* data;
  std::size_t bytes;
};

/// Bytes that arrived together; a memory handle rides on the single byte of its chunk.
struct SimChunk {
  std::vector<std::byte> bytes;
  std::size_t taken = 0;
  std::shared_ptr<SimMemory> memory;
};

struct SimSocket {
  int process = -1;
  int handle = -1;  ///< -1: not accepted yet
  bool local = false;
  ConnectStatus status = ConnectStatus::pending;
  int os_error = 0;
  bool closed = false;  ///< by its own process
  Endpoint name;        ///< this side's address
  std::weak_ptr<SimSocket> peer;

  // Towards this side:
  std::deque<SimChunk> arrived;
  std::size_t arrived_bytes = 0;
  std::size_t flying_bytes = 0;
  std::size_t capacity_bytes = 0;
  std::int64_t last_arrival_ns = 0;  ///< nothing overtakes
  std::uint64_t generation = 0;      ///< raised when a reset wipes out what still flies
  bool ended = false;                ///< the peer's end has arrived; after `arrived` is empty
  bool reset = false;                ///< ... as a reset
  bool end_announced = false;        ///< ... or is on its way
};

struct SimListener {
  int process = -1;
  int handle = -1;
  bool closed = false;
  std::string key;
  std::deque<std::shared_ptr<SimSocket>> backlog;
};

struct SimObject {
  std::shared_ptr<SimSocket> socket;
  std::shared_ptr<SimListener> listener;
  std::shared_ptr<SimMemory> memory;
};

class SimWaitSet;

/// One process's System. Handle numbers are never used twice, so that use after close is found.
class SimProcess final : public System {
 public:
  SimProcess(SimWorld& world, int number, int host) : world_(world), number_(number), host_(host) {}

  std::int64_t now_ns() override { return std::max(world_.now_ns(), busy_until_ns_); }
  void fill_random(std::span<std::byte> bytes) override;
  HostIdentity identity() override;
  std::uint32_t user() override { return 1000; }

  Handle listen_tcp(Endpoint& endpoint) override;
  Handle accept(int listener) override;
  Handle connect_tcp(const Endpoint& endpoint) override;
  ConnectStatus connect_status(int socket, int& os_error) override;
  Endpoint local_endpoint(int socket) override;
  IoResult send(int socket, std::span<const std::byte> bytes) override;
  IoResult receive(int socket, std::span<std::byte> bytes) override;
  Handle listen_local(const std::string& name) override;
  Handle connect_local(const std::string& name) override;
  PeerCredentials peer_credentials(int socket) override;
  IoResult send_memory(int socket, int memory) override;
  IoResult receive_memory(int socket, Handle& memory) override;
  Handle create_memory(std::size_t bytes, const char* label) override;
  std::size_t memory_bytes(int memory) override;
  Mapping map_memory(int memory, std::size_t bytes) override;
  std::unique_ptr<WaitSet> make_wait_set() override;

  /// Whether a watched handle would wake its waiter.
  bool ready(int handle, std::uint8_t events);
  Endpoint address() const;
  std::string local_key(const std::string& name) const;

 private:
  friend class SimWorld;
  friend class SimWaitSet;

  void close(int handle) noexcept override;
  void unmap(std::byte* data, std::size_t bytes) noexcept override;
  /// At the start of each call that may throw.
  void enter();
  Handle add(SimObject object, const char* call);
  SimSocket& socket(int handle);
  std::shared_ptr<SimSocket> socket_pointer(int handle);
  bool has_room() const { return handles_max_ < 0 || objects_.size() < static_cast<std::size_t>(handles_max_); }
  Handle listen(std::string key, const char* call);
  /// Whether a write may move bytes; if not, `result` says why.
  bool writable(SimSocket& socket, IoResult& result);
  void finish_crash();
  void serve() { busy_until_ns_ = now_ns() + world_.config_.service_ns; }

  SimWorld& world_;
  int number_;
  int host_;
  bool crashed_ = false;
  bool stopped_ = false;
  bool partitioned_ = false;
  int handles_max_ = -1;
  std::int64_t calls_ = 0;
  std::int64_t crash_at_call_ = -1;
  std::int64_t busy_until_ns_ = 0;
  SimTraffic traffic_;
  std::set<SimWaitSet*> wait_sets_;
  int next_handle_ = 3;
  std::map<int, SimObject> objects_;
  std::multimap<std::byte*, std::shared_ptr<SimMemory>> mappings_;
};

}  // namespace stretto::sim
