#include "perf/common/seat.hpp"

#include <stdexcept>

#include "perf/common/data.hpp"
#include "perf/common/machine.hpp"

namespace stretto::perf {
namespace {

strettoConfig_t config_of(const Options& options, int device) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.device = device;
  if (options.timeout_s > 0) {
    config.data_timeout_ms = options.timeout_s * 1000;
    config.setup_timeout_ms = options.timeout_s * 1000;
  }
  return config;
}

/// A communicator of host memory with one rank for each thread of the run.
Communicator join_host(const Options& options, const World& world, const strettoUniqueId& id, int thread) {
  strettoConfig_t config = config_of(options, STRETTO_DEVICE_HOST);
  // On GPUs an algorithm is forced on what is measured only.
  if (!options.algorithm.empty() && !options.on_gpus) config.algorithm = options.algorithm.c_str();
  if (world.from_environment) return Communicator::from_environment(&config);
  return Communicator(world.n_processes * options.threads, id, world.process * options.threads + thread, &config);
}

/// Threads of lower rank on the same host.
int place_on_host(const Communicator& figures) {
  std::vector<std::uint64_t> hosts(static_cast<std::size_t>(figures.size()), 0);
  const auto mine = static_cast<std::size_t>(figures.rank());
  const std::string name = host_name();
  hosts[mine] = hash_bytes(name.data(), name.size());
  figures.all_reduce(hosts.data(), hosts.size());
  int before = 0;
  for (std::size_t rank = 0; rank < mine; ++rank) before += hosts[rank] == hosts[mine] ? 1 : 0;
  return before;
}

/// The id that the first thread made, for all.
strettoUniqueId share(const Communicator& figures, strettoUniqueId id) {
  figures.broadcast(reinterpret_cast<const std::uint8_t*>(id.internal), reinterpret_cast<std::uint8_t*>(id.internal),
                    sizeof id.internal, 0);
  return id;
}

void open_gpus(Seats& all, const Options& options) {
  std::vector<int> devices = options.devices;
  for (int device = 0; options.devices.empty() && device < gpus().count(); ++device) devices.push_back(device);
  const int first = place_on_host(all.figures) * options.gpus;
  for (int i = 0; i < options.gpus; ++i) {
    Seat seat;
    seat.rank = all.figures.rank() * options.gpus + i;
    const int device = devices.at(static_cast<std::size_t>(first + i) % devices.size());
    seat.gpu = gpus().open(device, options.timeout_s);
    all.seats.push_back(std::move(seat));
  }
}

void join_on_gpus(Seats& all, const Options& options) {
  const strettoUniqueId id = share(all.figures, all.figures.rank() == 0 ? make_unique_id() : strettoUniqueId{});
  const std::size_t free_before = all.seats.front().gpu->free_bytes();
  std::vector<strettoComm_t> handles(all.seats.size(), nullptr);
  CallsGroup group(stretto_calls(), handles.size() > 1);
  for (std::size_t i = 0; i < handles.size(); ++i) {
    strettoConfig_t config = config_of(options, all.seats[i].gpu->communicator_device());
    if (!options.algorithm.empty()) config.algorithm = options.algorithm.c_str();
    all.seats[i].gpu->make_current();
    check(strettoCommInitRankConfig(&handles[i], all.n_ranks, id, all.seats[i].rank, &config));
  }
  group.end();
  for (std::size_t i = 0; i < handles.size(); ++i) all.seats[i].comm = Communicator(handles[i]);
  const std::size_t free_after = all.seats.front().gpu->free_bytes();
  all.communicator_bytes = free_before > free_after ? free_before - free_after : 0;
}

void join_nccl(Seats& all, const Options& options) {
  const Nccl& nccl = Nccl::load(options.nccl, whose_nccl(options));
  const bool first = all.figures.rank() == 0;
  const strettoUniqueId id = share(all.figures, first ? nccl.make_unique_id() : strettoUniqueId{});
  std::vector<strettoComm_t> handles(all.seats.size(), nullptr);
  CallsGroup group(nccl.calls(), handles.size() > 1);
  for (std::size_t i = 0; i < handles.size(); ++i) {
    all.seats[i].gpu->make_current();
    nccl.join(&handles[i], all.n_ranks, id, all.seats[i].rank);
  }
  group.end();
  for (std::size_t i = 0; i < handles.size(); ++i) all.seats[i].nccl = NcclCommunicator(nccl, handles[i]);
}

}  // namespace

Seats take_seats(const Options& options, const World& world, const strettoUniqueId& id, int thread) {
  Seats all;
  Communicator host = join_host(options, world, id, thread);
  all.n_ranks = host.size() * options.gpus;
  if (!options.on_gpus) {
    all.seats.emplace_back();
    all.seats.back().rank = host.rank();
    all.seats.back().comm = std::move(host);
    return all;
  }
  all.figures = std::move(host);
  open_gpus(all, options);
  join_on_gpus(all, options);
  if (!options.nccl.empty()) join_nccl(all, options);
  return all;
}

std::string gpu_obstacle(const Options& options) {
  if (!options.on_gpus) return {};
  const std::string obstacle = gpus().obstacle();
  if (!obstacle.empty()) return "--device: " + obstacle;
  for (const int device : options.devices) {
    if (device >= gpus().count()) {
      return "--device: there is no device " + std::to_string(device) + ": this process sees " +
             std::to_string(gpus().count()) + " (0 to " + std::to_string(gpus().count() - 1) + ")";
    }
  }
  return {};
}

}  // namespace stretto::perf
