// Latency and bandwidth of a transport between two processes on two cores, without an executor above it:
//   transport_bench [transport] [slots] [slot bytes]
// Prints medians over repetitions. Build it with the release preset.
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "conformance.hpp"
#include "process_team.hpp"

namespace stretto {
namespace {

void pin(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  sched_setaffinity(0, sizeof(cores), &cores);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Between two looks at a line that the other side is about to write. Looking too eagerly takes the line away from the
/// writer in the middle of its stores.
void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

void send(Transport& transport, SendPort& port, const void* source, std::size_t bytes, const OpTag& tag) {
  while (!port.try_acquire()) pause(), transport.progress();
  port.put(source, bytes);
  port.signal(bytes, tag);
}

void receive(Transport& transport, ReceivePort& port, void* destination, std::size_t bytes, const OpTag& tag) {
  while (!port.try_wait()) pause(), transport.progress();
  if (port.bytes() != bytes || !(port.tag() == tag)) std::abort();
  port.get(destination, bytes);
  port.release();
}

struct Bench {
  Transport& transport;
  Rank rank;
  SendPort& out = transport.send_port(1 - rank, 0);
  ReceivePort& in = transport.receive_port(1 - rank, 0);
  std::vector<std::byte> source = std::vector<std::byte>(1 << 26, std::byte{1});
  std::vector<std::byte> target = std::vector<std::byte>(1 << 26, std::byte{2});
  OpTag tag = message_tag(1);

  template <typename Body>
  double time_ns(int repetitions, int operations, Body&& body) {
    std::vector<double> times;
    for (int i = 0; i < repetitions; ++i) {
      const std::int64_t begin_ns = posix_system().now_ns();
      for (int k = 0; k < operations; ++k) body();
      times.push_back(static_cast<double>(posix_system().now_ns() - begin_ns) / operations);
    }
    return median(times);
  }

  /// There and back, half of it.
  double half_round_trip_ns(std::size_t bytes) {
    return time_ns(31, 2000,
                   [&] {
                     if (rank == 0) send(transport, out, source.data(), bytes, tag);
                     receive(transport, in, target.data(), bytes, tag);
                     if (rank == 1) send(transport, out, source.data(), bytes, tag);
                   }) /
           2;
  }

  /// Both send, then both receive: what a direct all-reduce of two ranks does.
  double exchange_ns(std::size_t bytes) {
    return time_ns(31, 2000, [&] {
      send(transport, out, source.data(), bytes, tag);
      receive(transport, in, target.data(), bytes, tag);
    });
  }

  /// One way, over a buffer of `total` bytes in slots of `bytes`.
  double bandwidth_bytes_per_ns(std::size_t bytes, std::size_t total) {
    const double ns = time_ns(15, 1, [&] {
      for (std::size_t offset = 0; offset < total; offset += bytes) {
        if (rank == 0) send(transport, out, source.data() + offset, bytes, tag);
        if (rank == 1) receive(transport, in, target.data() + offset, bytes, tag);
      }
      if (rank == 1) send(transport, out, source.data(), 8, tag);
      if (rank == 0) receive(transport, in, target.data(), 8, tag);
    });
    return static_cast<double>(total) / ns;
  }
};

bool measure(Transport& transport, Rank rank, std::size_t slot_bytes) {
  pin(rank);
  Bench bench{transport, rank};
  for (const std::size_t bytes : {std::size_t{8}, std::size_t{32}, std::size_t{64}, std::size_t{1024}}) {
    const double half_ns = bench.half_round_trip_ns(bytes);
    const double exchange_ns = bench.exchange_ns(bytes);
    if (rank == 0) std::printf("%6zu B  half round trip %7.1f ns  exchange %7.1f ns\n", bytes, half_ns, exchange_ns);
  }
  for (const std::size_t total : {std::size_t{1} << 20, std::size_t{1} << 26}) {
    const double speed = bench.bandwidth_bytes_per_ns(slot_bytes, total);
    if (rank == 0)
      std::printf("%6zu KiB one way in slots of %zu KiB: %5.1f GB/s\n", total >> 10, slot_bytes >> 10, speed);
  }
  return true;
}

}  // namespace
}  // namespace stretto

int main(int count, char** arguments) {
  using namespace stretto;
  const char* const name = count > 1 ? arguments[1] : "shm";
  TeamConfig config;
  config.slots = count > 2 ? static_cast<std::uint32_t>(std::atoi(arguments[2])) : 4;
  config.slot_bytes = count > 3 ? static_cast<std::size_t>(std::atoi(arguments[3])) : 1 << 16;
  for (const TransportFactory& factory : transport_factories()) {
    if (std::strcmp(factory.name, name) != 0) continue;
    const std::vector<int> results = run_processes(
        factory, config, [&](Transport& transport, Rank rank) { return measure(transport, rank, config.slot_bytes); });
    return results == std::vector<int>{0, 0} ? 0 : 1;
  }
  std::fprintf(stderr, "transport_bench: no transport named %s\n", name);
  return 2;
}
