// A seeded simulator of the operating system: many processes in one thread, on a virtual clock, with random delays,
// partial reads and writes, refused connections, crashes, partitions and scarce descriptors. The same seed gives the
// same run, to the byte.
//
// How to run a stack of n ranks under it:
//   SimWorld world(seed);                       // print the seed when the test fails
//   const int p = world.add_process(host);      // once per rank; processes of one host share memory and local sockets
//   make_bootstrap(world.system(p), ...);       // everything that the rank makes gets its own process's System
//   SimScheduler scheduler(world);              // tests/sim/sim_scheduler.hpp: polls ranks in random order
// A rank dies by world.crash(p), or inside its own k-th system call by world.crash_after_calls(p, k): that call then
// throws SimCrashed through the rank's code. Either way destroy the rank's objects afterwards (the scheduler calls
// SimTask::on_crash for that); its sockets end for their peers as those of a killed process do. world.stop(p) is
// SIGSTOP: the scheduler does not poll it, its kernel still takes bytes. world.partition(p) cuts its TCP connections
// silently. When a run is over and all objects are destroyed, world.open_handles(p) and open_mappings(p) must be 0.
//
// Not thread-safe: one thread polls all.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/system.hpp"

namespace stretto::sim {

/// Thrown through the code of a process that crashes inside a system call. No Error: nobody may handle it.
struct SimCrashed {
  int process;
};

struct SimConfig {
  std::int64_t delay_min_ns = 5'000;
  std::int64_t delay_max_ns = 300'000;
  double slow_chance = 0.01;                           ///< that a delay is up to 200 times longer (a lost packet)
  double partial_chance = 0.3;                         ///< that a read or write moves less than it could
  double refuse_chance = 0.01;                         ///< that a TCP connect is refused without reason
  double reset_chance = 0.5;                           ///< that the connections of a crashed process end in a reset
  std::size_t pipe_bytes_max = std::size_t{64} << 10;  ///< socket buffers are random, up to this above the least
  std::size_t pipe_bytes_min = 64;
  bool pauses = true;      ///< time goes by, by chance, before each call
  int connect_delays = 1;  ///< until a connection stands
  /// What a call that moves bytes, accepts or connects costs its process, which does nothing else meanwhile.
  std::int64_t service_ns = 0;
};

/// Nothing goes wrong: each message takes `delay_ns`, each connection two of them.
inline SimConfig fault_free(std::int64_t delay_ns, std::int64_t service_ns) {
  SimConfig config;
  config.delay_min_ns = config.delay_max_ns = delay_ns;
  config.slow_chance = config.partial_chance = config.refuse_chance = config.reset_chance = 0;
  config.pipe_bytes_min = std::size_t{1} << 20;
  config.pipe_bytes_max = 1;
  config.pauses = false;
  config.connect_delays = 2;
  config.service_ns = service_ns;
  return config;
}

/// What one process has moved: a message is a call that moved bytes.
struct SimTraffic {
  std::uint64_t messages_sent = 0;
  std::uint64_t messages_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t handles_most = 0;  ///< open at once
};

struct SimSocket;
struct SimListener;
struct SimMemory;
class SimProcess;

/// What make_wait_set of a simulated process gives: tests may ask it instead of waiting.
class SimWaits : public WaitSet {
 public:
  /// Whether wait() would return at once; ready_handles() then says with what.
  virtual bool ready() = 0;
};

class SimWorld {
 public:
  explicit SimWorld(std::uint64_t seed, SimConfig config = {});
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  int add_process(int host);
  System& system(int process);
  /// An address of its host that other processes reach, port 0.
  Endpoint address(int process) const;

  void crash(int process);
  void crash_after_calls(int process, std::int64_t n_calls);
  bool crashed(int process) const;
  void stop(int process);
  void resume(int process);
  bool stopped(int process) const;
  void partition(int process);
  void heal(int process);
  void limit_handles(int process, int n_handles);
  int open_handles(int process) const;
  int open_mappings(int process) const;
  std::int64_t calls(int process) const;  ///< system calls made so far
  const SimTraffic& traffic(int process) const;
  /// Until when its own calls keep a process busy.
  std::int64_t busy_until_ns(int process) const;
  /// Called with the process whenever one of its sockets may have become ready.
  void on_touch(std::function<void(int)> told) { touched_ = std::move(told); }

  std::int64_t now_ns() const { return now_ns_; }
  /// Runs `action` at that time or, if it has passed, with the next step of the clock.
  void at(std::int64_t time_ns, std::function<void()> action);
  std::int64_t next_event_ns() const;  ///< INT64_MAX: none
  /// Moves the clock, running the events on the way.
  void advance_to(std::int64_t time_ns);

  std::mt19937_64& random() { return random_; }
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  bool chance(double probability) { return static_cast<double>(random_() >> 11) * 0x1p-53 < probability; }
  /// Grows whenever a call has changed something that another call can see; the scheduler's sign of life.
  std::uint64_t activity() const { return activity_; }

 private:
  friend class SimProcess;

  std::int64_t delay_ns();
  bool cut(int process_a, int process_b) const;
  void deliver(std::int64_t time_ns, int from, int to, bool local, std::function<void()> action);
  void arrange_connect(const std::shared_ptr<SimSocket>& client, const std::string& key);
  std::int64_t arrival_ns(SimSocket& to, std::int64_t sent_ns);
  void touch(const SimSocket& socket);
  void touch(int process, int handle);
  void send_chunk(SimSocket& from, std::vector<std::byte> bytes, std::shared_ptr<SimMemory> memory);
  void close_socket(const std::shared_ptr<SimSocket>& socket, bool force_reset);
  void close_listener(const std::shared_ptr<SimListener>& listener);

  std::mt19937_64 random_;
  SimConfig config_;
  std::int64_t now_ns_ = 1'000'000'000;
  std::uint64_t activity_ = 0;
  std::uint16_t next_port_ = 20'000;
  std::function<void(int)> touched_;
  std::multimap<std::int64_t, std::function<void()>> events_;
  std::vector<std::function<void()>> held_;  ///< by partitions
  std::map<std::string, std::weak_ptr<SimListener>> listeners_;
  std::vector<std::unique_ptr<SimProcess>> processes_;
};

}  // namespace stretto::sim
