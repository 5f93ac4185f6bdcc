// The simulated network: events on the virtual clock, delivery, connections and their ends.
#include <algorithm>
#include <cerrno>
#include <limits>

#include "sim/sim_objects.hpp"

namespace stretto::sim {

SimWorld::SimWorld(std::uint64_t seed, SimConfig config) : random_(seed), config_(config) {}

SimWorld::~SimWorld() {
  events_.clear();
  held_.clear();
}

int SimWorld::add_process(int host) {
  const int number = static_cast<int>(processes_.size());
  processes_.push_back(std::make_unique<SimProcess>(*this, number, host));
  return number;
}

namespace {

SimProcess& process_of(const std::vector<std::unique_ptr<SimProcess>>& processes, int number) {
  return *processes.at(static_cast<std::size_t>(number));
}

}  // namespace

System& SimWorld::system(int process) { return process_of(processes_, process); }
Endpoint SimWorld::address(int process) const { return process_of(processes_, process).address(); }
bool SimWorld::crashed(int process) const { return process_of(processes_, process).crashed_; }
bool SimWorld::stopped(int process) const { return process_of(processes_, process).stopped_; }
void SimWorld::stop(int process) { process_of(processes_, process).stopped_ = true; }
void SimWorld::resume(int process) { process_of(processes_, process).stopped_ = false; }
const SimTraffic& SimWorld::traffic(int process) const { return process_of(processes_, process).traffic_; }
std::int64_t SimWorld::busy_until_ns(int process) const { return process_of(processes_, process).busy_until_ns_; }
std::int64_t SimWorld::calls(int process) const { return process_of(processes_, process).calls_; }

void SimWorld::limit_handles(int process, int n_handles) { process_of(processes_, process).handles_max_ = n_handles; }

int SimWorld::open_handles(int process) const {
  return static_cast<int>(process_of(processes_, process).objects_.size());
}

int SimWorld::open_mappings(int process) const {
  return static_cast<int>(process_of(processes_, process).mappings_.size());
}

void SimWorld::crash_after_calls(int process, std::int64_t n_calls) {
  SimProcess& it = process_of(processes_, process);
  it.crash_at_call_ = it.calls_ + n_calls;
}

void SimWorld::crash(int process) {
  SimProcess& it = process_of(processes_, process);
  if (it.crashed_) return;
  it.crashed_ = true;
  ++activity_;
  std::map<int, SimObject> objects;
  objects.swap(it.objects_);
  for (auto& [handle, object] : objects) {
    if (object.socket) close_socket(object.socket, chance(config_.reset_chance));
    if (object.listener) close_listener(object.listener);
  }
}

void SimWorld::partition(int process) { process_of(processes_, process).partitioned_ = true; }

void SimWorld::heal(int process) {
  process_of(processes_, process).partitioned_ = false;
  for (auto& action : std::exchange(held_, {})) at(now_ns_, std::move(action));  // in the order in which they were due
}

bool SimWorld::cut(int process_a, int process_b) const {
  return process_of(processes_, process_a).partitioned_ || process_of(processes_, process_b).partitioned_;
}

// ---- the clock -------------------------------------------------------------------------------------------------

void SimWorld::at(std::int64_t time_ns, std::function<void()> action) {
  events_.emplace(std::max(time_ns, now_ns_), std::move(action));
}

std::int64_t SimWorld::next_event_ns() const {
  return events_.empty() ? std::numeric_limits<std::int64_t>::max() : events_.begin()->first;
}

void SimWorld::advance_to(std::int64_t time_ns) {
  while (!events_.empty() && events_.begin()->first <= time_ns) {
    now_ns_ = std::max(now_ns_, events_.begin()->first);
    const std::function<void()> action = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    ++activity_;
    action();
  }
  now_ns_ = std::max(now_ns_, time_ns);
}

std::int64_t SimWorld::delay_ns() {
  const auto range = static_cast<std::uint64_t>(config_.delay_max_ns - config_.delay_min_ns + 1);
  std::int64_t delay = config_.delay_min_ns + static_cast<std::int64_t>(below(range));
  if (chance(config_.slow_chance)) delay *= static_cast<std::int64_t>(1 + below(200));
  return delay;
}

/// An event of the network between two processes: held back while a partition cuts them.
void SimWorld::deliver(std::int64_t time_ns, int from, int to, bool local, std::function<void()> action) {
  at(time_ns, [this, from, to, local, action = std::move(action)]() mutable {
    if (local || !cut(from, to)) return action();
    held_.emplace_back([this, from, to, action = std::move(action)]() mutable {
      deliver(now_ns_, from, to, false, std::move(action));
    });
  });
}

// ---- connections -----------------------------------------------------------------------------------------------

void SimWorld::arrange_connect(const std::shared_ptr<SimSocket>& client, const std::string& key) {
  const auto attempt = [this, client, key] {
    if (client->closed) return;
    const auto found = listeners_.find(key);
    const std::shared_ptr<SimListener> listener = found == listeners_.end() ? nullptr : found->second.lock();
    if (!listener || listener->closed || (!client->local && chance(config_.refuse_chance))) {
      client->status = ConnectStatus::failed;
      client->os_error = ECONNREFUSED;
      return touch(*client);
    }
    auto server = std::make_shared<SimSocket>();
    server->process = listener->process;
    server->local = client->local;
    server->name = process_of(processes_, listener->process).address();
    for (SimSocket* side : {client.get(), server.get()}) {
      side->status = ConnectStatus::connected;
      side->capacity_bytes = config_.pipe_bytes_min + below(config_.pipe_bytes_max);
    }
    client->peer = server;
    server->peer = client;
    listener->backlog.push_back(std::move(server));
    touch(*client);
    touch(listener->process, listener->handle);
  };
  if (client->local) return attempt();
  // A listener behind a partition does not answer; one that does not exist refuses.
  const auto found = listeners_.find(key);
  const std::shared_ptr<SimListener> listener = found == listeners_.end() ? nullptr : found->second.lock();
  std::int64_t time_ns = system(client->process).now_ns();
  for (int i = 0; i < config_.connect_delays; ++i) time_ns += delay_ns();
  deliver(time_ns, client->process, listener ? listener->process : client->process, false, attempt);
}

std::int64_t SimWorld::arrival_ns(SimSocket& to, std::int64_t sent_ns) {
  to.last_arrival_ns = std::max(to.last_arrival_ns, sent_ns + (to.local ? 0 : delay_ns()));
  return to.last_arrival_ns;
}

void SimWorld::send_chunk(SimSocket& from, std::vector<std::byte> bytes, std::shared_ptr<SimMemory> memory) {
  ++activity_;
  const std::shared_ptr<SimSocket> to = from.peer.lock();
  to->flying_bytes += bytes.size();
  auto arrive = [this, to, generation = to->generation, chunk = SimChunk{std::move(bytes), 0, std::move(memory)},
                 sender = std::weak_ptr<SimSocket>(to->peer)]() mutable {
    if (generation != to->generation) return;
    to->flying_bytes -= chunk.bytes.size();
    if (to->closed) {  // nobody reads here any more: a reset goes back
      if (const auto back = sender.lock(); back && !back->closed && !back->end_announced) {
        back->end_announced = true;
        deliver(arrival_ns(*back, now_ns_), to->process, back->process, to->local, [this, back] {
          back->ended = back->reset = true;
          touch(*back);
        });
      } else if (back && !back->closed) {
        deliver(arrival_ns(*back, now_ns_), to->process, back->process, to->local, [this, back] {
          back->reset = true;
          touch(*back);
        });
      }
      return;
    }
    to->arrived_bytes += chunk.bytes.size();
    to->arrived.push_back(std::move(chunk));
    touch(*to);
  };
  if (to->local) return arrive();
  deliver(arrival_ns(*to, system(from.process).now_ns()), from.process, to->process, false, arrive);
}

void SimWorld::close_socket(const std::shared_ptr<SimSocket>& socket, bool force_reset) {
  if (socket->closed) return;
  ++activity_;
  socket->closed = true;
  const std::shared_ptr<SimSocket> peer = socket->peer.lock();
  if (peer) touch(*peer);  // what it sends now goes nowhere, so it may send
  if (!peer || peer->closed || peer->end_announced) return;
  peer->end_announced = true;
  // Unread bytes turn the end into a reset, as they do in Linux, and then what still flies may be lost with it.
  const bool reset = force_reset || !socket->arrived.empty();
  if (reset && !peer->local && chance(0.3)) {
    ++peer->generation;
    peer->flying_bytes = 0;
  }
  const auto end = [this, peer, reset] {
    peer->ended = true;
    peer->reset = peer->reset || reset;
    touch(*peer);
  };
  if (socket->local) return end();
  deliver(arrival_ns(*peer, system(socket->process).now_ns()), socket->process, peer->process, false, end);
}

void SimWorld::close_listener(const std::shared_ptr<SimListener>& listener) {
  ++activity_;
  listener->closed = true;
  listeners_.erase(listener->key);
  for (const auto& socket : std::exchange(listener->backlog, {})) close_socket(socket, true);
}

}  // namespace stretto::sim
