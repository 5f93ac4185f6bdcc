// One simulated process: its system calls.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/text.hpp"
#include "sim/sim_objects.hpp"

namespace stretto::sim {
namespace {

constexpr std::align_val_t page{4096};

}  // namespace

SimMemory::SimMemory(std::size_t size) : data(static_cast<std::byte*>(operator new(size, page))), bytes(size) {
  std::memset(data, 0, size);
}
SimMemory::~SimMemory() { operator delete(data, page); }

void SimProcess::enter() {
  // The others do not stand still meanwhile: bytes may arrive, and crashes strike, between any two calls. Sometimes the
  // process loses its core in between.
  if (world_.config_.pauses) {
    const std::uint64_t pause_max_ns = world_.chance(0.02) ? 500'000 : 2'000;
    world_.advance_to(world_.now_ns() + static_cast<std::int64_t>(world_.below(pause_max_ns)));
  }
  if (crashed_) throw SimCrashed{number_};
  if (calls_++ == crash_at_call_) {
    world_.crash(number_);
    throw SimCrashed{number_};
  }
}

Handle SimProcess::add(SimObject object, const char* call) {
  if (!has_room()) {
    throw Error(strettoSystemError,
                format("{} failed: no descriptors left in simulated process {}: raise ulimit -n", call, number_));
  }
  ++world_.activity_;
  const int handle = next_handle_++;
  if (object.socket) object.socket->handle = handle;
  if (object.listener) object.listener->handle = handle;
  objects_.emplace(handle, std::move(object));
  traffic_.handles_most = std::max<std::uint64_t>(traffic_.handles_most, objects_.size());
  return Handle(*this, handle);
}

std::shared_ptr<SimSocket> SimProcess::socket_pointer(int handle) {
  const auto found = objects_.find(handle);
  STRETTO_ASSERT(found != objects_.end() && found->second.socket);  // closed already, or no socket
  return found->second.socket;
}

SimSocket& SimProcess::socket(int handle) { return *socket_pointer(handle); }

void SimProcess::close(int handle) noexcept {
  const auto found = objects_.find(handle);
  if (found == objects_.end()) {
    STRETTO_ASSERT(crashed_);  // the crash has closed it already
    return;
  }
  const SimObject object = std::move(found->second);
  objects_.erase(found);
  if (object.socket) world_.close_socket(object.socket, false);
  if (object.listener) world_.close_listener(object.listener);
}

void SimProcess::unmap(std::byte* data, std::size_t) noexcept {
  const auto found = mappings_.find(data);
  STRETTO_ASSERT(found != mappings_.end());
  mappings_.erase(found);
}

void SimProcess::fill_random(std::span<std::byte> bytes) {
  enter();
  for (std::byte& b : bytes) b = static_cast<std::byte>(world_.random_());
}

HostIdentity SimProcess::identity() {
  HostIdentity identity;
  identity.host_name = format("host{}", host_);
  identity.host_id = format("simulated-{}", host_);
  identity.process = 1000 + number_;
  identity.n_cores = 4;
  return identity;
}

Endpoint SimProcess::address() const {
  Endpoint endpoint;
  endpoint.address = {10, 0, static_cast<std::uint8_t>(host_ / 256), static_cast<std::uint8_t>(host_ % 256)};
  return endpoint;
}

std::string SimProcess::local_key(const std::string& name) const { return format("host{}/{}", host_, name); }

// ---- connections -----------------------------------------------------------------------------------------------

Handle SimProcess::listen(std::string key, const char* call) {
  if (const auto found = world_.listeners_.find(key); found != world_.listeners_.end() && !found->second.expired())
    throw Error(strettoSystemError, format("{}({}) failed: address in use", call, key));
  auto listener = std::make_shared<SimListener>();
  listener->process = number_;
  listener->key = key;
  Handle handle = add({nullptr, listener, nullptr}, call);
  world_.listeners_[key] = listener;
  return handle;
}

Handle SimProcess::listen_tcp(Endpoint& endpoint) {
  enter();
  Endpoint named = endpoint;
  const bool any = named.port == 0;
  do {  // ports come round again
    if (any) named.port = world_.next_port_++;
  } while (named.port == 0 || (any && world_.listeners_.contains(to_string(named))));
  Handle handle = listen(to_string(named), "listen");
  endpoint = named;
  return handle;
}

Handle SimProcess::listen_local(const std::string& name) {
  enter();
  return listen(local_key(name), "listen");
}

Handle SimProcess::accept(int listener) {
  enter();
  auto& backlog = objects_.at(listener).listener->backlog;
  if (backlog.empty()) return Handle();
  if (!has_room()) return add({}, "accept");  // throws; the connection keeps waiting
  serve();
  const std::shared_ptr<SimSocket> server = backlog.front();
  backlog.pop_front();
  return add({server, nullptr, nullptr}, "accept");
}

Handle SimProcess::connect_tcp(const Endpoint& endpoint) {
  enter();
  serve();
  auto client = std::make_shared<SimSocket>();
  client->process = number_;
  client->name = address();
  client->name.port = world_.next_port_++;
  Handle handle = add({client, nullptr, nullptr}, "connect");
  world_.arrange_connect(client, to_string(endpoint));
  return handle;
}

Handle SimProcess::connect_local(const std::string& name) {
  enter();
  auto client = std::make_shared<SimSocket>();
  client->process = number_;
  client->local = true;
  Handle handle = add({client, nullptr, nullptr}, "connect");
  world_.arrange_connect(client, local_key(name));
  return handle;
}

ConnectStatus SimProcess::connect_status(int handle, int& os_error) {
  enter();
  const SimSocket& it = socket(handle);
  if (it.status == ConnectStatus::failed) os_error = it.os_error;
  return it.status;
}

Endpoint SimProcess::local_endpoint(int handle) {
  enter();
  return socket(handle).name;
}

PeerCredentials SimProcess::peer_credentials(int handle) {
  enter();
  const auto peer = socket(handle).peer.lock();
  return {1000, peer ? 1000 + peer->process : 0};
}

// ---- bytes -----------------------------------------------------------------------------------------------------

bool SimProcess::writable(SimSocket& from, IoResult& result) {
  if (from.status == ConnectStatus::pending) return result = {IoStatus::would_block, 0, 0}, false;
  if (from.status == ConnectStatus::failed) return result = {IoStatus::failed, 0, from.os_error}, false;
  const auto to = from.peer.lock();
  // A peer that has gone is noticed only when its reset is here; until then bytes fly into the void.
  if (from.reset || !to) return result = {IoStatus::closed, 0, ECONNRESET}, false;
  if (to->arrived_bytes + to->flying_bytes >= to->capacity_bytes && !to->closed)
    return result = {IoStatus::would_block, 0, 0}, false;
  return true;
}

IoResult SimProcess::send(int handle, std::span<const std::byte> bytes) {
  enter();
  SimSocket& from = socket(handle);
  IoResult result;
  if (!writable(from, result) || bytes.empty()) return result;
  const auto to = from.peer.lock();
  const std::size_t used = to->arrived_bytes + to->flying_bytes;
  std::size_t n = std::min(bytes.size(), std::max<std::size_t>(to->capacity_bytes, used + 1) - used);
  if (world_.chance(world_.config_.partial_chance)) n = 1 + world_.below(n);
  serve();
  ++traffic_.messages_sent;
  traffic_.bytes_sent += n;
  world_.send_chunk(from, {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n)}, nullptr);
  return {IoStatus::ok, n, 0};
}

IoResult SimProcess::receive(int handle, std::span<std::byte> bytes) {
  enter();
  SimSocket& it = socket(handle);
  if (it.status == ConnectStatus::failed) return {IoStatus::failed, 0, it.os_error};
  if (it.arrived.empty()) {
    if (it.ended || it.reset) return {IoStatus::closed, 0, it.reset ? ECONNRESET : 0};
    return {IoStatus::would_block, 0, 0};
  }
  serve();
  std::size_t limit = bytes.size();
  if (limit > 1 && world_.chance(world_.config_.partial_chance)) limit = 1 + world_.below(limit);
  std::size_t n = 0;
  while (n < limit && !it.arrived.empty()) {
    SimChunk& chunk = it.arrived.front();
    const std::size_t part = std::min(limit - n, chunk.bytes.size() - chunk.taken);
    std::memcpy(bytes.data() + n, chunk.bytes.data() + chunk.taken, part);
    n += part;
    chunk.taken += part;
    if (chunk.taken == chunk.bytes.size()) it.arrived.pop_front();
  }
  it.arrived_bytes -= n;
  ++traffic_.messages_received;
  traffic_.bytes_received += n;
  ++world_.activity_;
  if (const auto peer = it.peer.lock()) world_.touch(*peer);  // there is room again
  return {IoStatus::ok, n, 0};
}

IoResult SimProcess::send_memory(int handle, int memory) {
  enter();
  SimSocket& from = socket(handle);
  STRETTO_ASSERT(from.local);
  IoResult result;
  if (!writable(from, result)) return result;
  world_.send_chunk(from, std::vector<std::byte>(1), objects_.at(memory).memory);
  return {IoStatus::ok, 1, 0};
}

IoResult SimProcess::receive_memory(int handle, Handle& memory) {
  enter();
  SimSocket& it = socket(handle);
  if (it.status == ConnectStatus::failed) return {IoStatus::failed, 0, it.os_error};
  if (it.arrived.empty())
    return it.ended || it.reset ? IoResult{IoStatus::closed, 0, 0} : IoResult{IoStatus::would_block, 0, 0};
  SimChunk& front = it.arrived.front();
  const std::shared_ptr<SimMemory> received = front.memory;
  --it.arrived_bytes;
  if (++front.taken == front.bytes.size()) it.arrived.pop_front();
  ++world_.activity_;
  if (const auto peer = it.peer.lock()) world_.touch(*peer);
  if (!received) return {IoStatus::failed, 0, EBADMSG};
  memory = add({nullptr, nullptr, received}, "recvmsg");
  return {IoStatus::ok, 1, 0};
}

// ---- memory and waiting ----------------------------------------------------------------------------------------

Handle SimProcess::create_memory(std::size_t bytes, const char*) {
  enter();
  if (bytes == 0) throw Error(strettoSystemError, "memory of 0 bytes");
  return add({nullptr, nullptr, std::make_shared<SimMemory>(bytes)}, "memfd_create");
}

std::size_t SimProcess::memory_bytes(int memory) {
  enter();
  return objects_.at(memory).memory->bytes;
}

Mapping SimProcess::map_memory(int memory, std::size_t bytes) {
  enter();
  const std::shared_ptr<SimMemory> it = objects_.at(memory).memory;
  if (bytes == 0 || bytes > it->bytes) throw Error(strettoSystemError, "mmap beyond the memory");
  mappings_.emplace(it->data, it);
  return Mapping(*this, it->data, bytes);
}

bool SimProcess::ready(int handle, std::uint8_t events) {
  const auto found = objects_.find(handle);
  if (found == objects_.end()) return false;
  const SimObject& object = found->second;
  if (object.listener) return (events & WaitSet::readable) != 0 && !object.listener->backlog.empty();
  if (!object.socket) return false;
  SimSocket& it = *object.socket;
  if (it.status == ConnectStatus::failed) return true;
  if ((events & WaitSet::readable) != 0 && (!it.arrived.empty() || it.ended || it.reset)) return true;
  IoResult result;
  return (events & WaitSet::writable) != 0 && (writable(it, result) || result.status != IoStatus::would_block);
}

class SimWaitSet final : public SimWaits {
 public:
  SimWaitSet(SimWorld& world, SimProcess& process) : world_(world), process_(process) {
    process.wait_sets_.insert(this);
  }
  ~SimWaitSet() override { process_.wait_sets_.erase(this); }
  SimWaitSet(const SimWaitSet&) = delete;
  SimWaitSet& operator=(const SimWaitSet&) = delete;

  void watch(int handle, std::uint8_t events) override {
    if (events == 0)
      watched_.erase(handle);
    else
      watched_[handle] = events;
    touched_.insert(handle);
  }
  void touch(int handle) { touched_.insert(handle); }
  void wake() override { woken_ = true; }
  bool ready() override {
    find_ready();
    return woken_ || !ready_.empty();
  }
  std::span<const int> ready_handles() const override { return ready_; }
  /// Lets the clock run until something happens here. Other processes are not polled meanwhile.
  void wait(std::int64_t timeout_ns) override {
    const std::int64_t end_ns = world_.now_ns() + std::max<std::int64_t>(timeout_ns, 0);
    while (!ready() && world_.now_ns() < end_ns) world_.advance_to(std::min(end_ns, world_.next_event_ns()));
    woken_ = false;
  }

 private:
  /// Only handles that something has happened to since they were last found not ready can be: there may be 100,000.
  void find_ready() {
    ready_.clear();
    for (auto it = touched_.begin(); it != touched_.end();) {
      const auto watched = watched_.find(*it);
      const bool is_ready = watched != watched_.end() && process_.ready(*it, watched->second);
      if (is_ready) ready_.push_back(*it);
      it = is_ready ? std::next(it) : touched_.erase(it);
    }
  }
  SimWorld& world_;
  SimProcess& process_;
  std::map<int, std::uint8_t> watched_;
  std::set<int> touched_;
  std::vector<int> ready_;
  bool woken_ = false;
};

void SimWorld::touch(int process, int handle) {
  for (SimWaitSet* waits : processes_.at(static_cast<std::size_t>(process))->wait_sets_) waits->touch(handle);
  if (touched_) touched_(process);
}

void SimWorld::touch(const SimSocket& socket) {
  if (socket.handle >= 0) touch(socket.process, socket.handle);
}

std::unique_ptr<WaitSet> SimProcess::make_wait_set() {
  enter();
  return std::make_unique<SimWaitSet>(world_, *this);
}

}  // namespace stretto::sim
