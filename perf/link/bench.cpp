#include "perf/link/bench.hpp"

#include <algorithm>
#include <stdexcept>

#include "perf/gpu/cuda_check.hpp"

namespace stretto::perf::link {
namespace {

constexpr int kRounds = 1000;
constexpr int kWarmupRounds = 10;
constexpr int kKernelsInGraph = 100;
constexpr int kWarmupSamples = 2;
constexpr std::uint64_t kSeeds[2] = {11, 12};

}  // namespace

Memory Memory::of_gpu(RankGpu& gpu, std::size_t bytes) {
  Memory memory(gpu.allocate(bytes), &gpu);
  gpu.fill(memory.as(), 0, bytes);
  gpu.synchronize();
  return memory;
}

Memory Memory::of_host(std::size_t bytes) {
  void* memory = nullptr;
  check_cuda(cudaHostAlloc(&memory, bytes, cudaHostAllocPortable | cudaHostAllocMapped), "cudaHostAlloc", -1);
  std::fill_n(static_cast<unsigned char*>(memory), bytes, static_cast<unsigned char>(0));
  return Memory(memory, nullptr);
}

Memory::~Memory() {
  if (bytes_ == nullptr) return;
  if (gpu_ != nullptr) {
    gpu_->free(static_cast<unsigned char*>(bytes_));
  } else {
    cudaFreeHost(bytes_);
  }
}

LinkBench::LinkBench(const BenchOptions& options) : options_(options) {
  for (const int device : options.devices) {
    if (device >= gpus().count()) {
      throw std::runtime_error("there is no device " + std::to_string(device) + ": this process sees " +
                               std::to_string(gpus().count()));
    }
    sides_.push_back(open(device));
  }
  let_reach(0);
  let_reach(1);
  most_sms_ = 1 << 20;
  for (const int device : options.devices) {
    int sms = 0;
    check_cuda(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, device), "cudaDeviceGetAttribute", device);
    most_sms_ = std::min(most_sms_, sms);
  }
}

LinkBench::Side LinkBench::open(int device) const {
  Side side{gpus().open(device, options_.timeout_s), {}, Memory::of_host(64)};
  side.gpu->make_current();
  prepare(device);
  for (const std::size_t bytes : {options_.bytes, options_.bytes, std::size_t{256}, std::size_t{256}}) {
    side.memory.push_back(Memory::of_gpu(*side.gpu, bytes));
  }
  return side;
}

void LinkBench::let_reach(int side) const {
  const int device = facts(side).ordinal;
  const int peer = facts(1 - side).ordinal;
  if (device == peer) return;
  int can = 0;
  check_cuda(cudaDeviceCanAccessPeer(&can, device, peer), "cudaDeviceCanAccessPeer", device);
  if (can == 0) {
    throw std::runtime_error("device " + std::to_string(device) + " cannot reach the memory of device " +
                             std::to_string(peer) + ": look at nvidia-smi topo -p2p r");
  }
  at(side).gpu->make_current();
  const cudaError_t enabled = cudaDeviceEnablePeerAccess(peer, 0);
  if (enabled == cudaErrorPeerAccessAlreadyEnabled) {
    cudaGetLastError();
  } else {
    check_cuda(enabled, "cudaDeviceEnablePeerAccess", device);
  }
}

void LinkBench::launch(int side, Method method, int sms) const {
  const Side& here = at(side);
  const Side& peer = at(1 - side);
  const bool pulls = method == Method::thread_loads || method == Method::bulk_loads;
  Copy copy;
  copy.to = pulls || method == Method::local_copy_engine ? here.destination() : peer.destination();
  copy.from = pulls ? peer.source() : here.source();
  copy.bytes = options_.bytes;
  copy.sms = sms;
  copy.timeout_ns = static_cast<std::uint64_t>(options_.timeout_s) * 1'000'000'000 / 2;
  copy.stuck = here.stuck();
  here.gpu->make_current();
  switch (method) {
    case Method::thread_stores:
    case Method::thread_loads:
      return copy_by_threads(copy, here.stream());
    case Method::bulk_stores:
    case Method::bulk_loads:
      return copy_by_bulk(copy, here.stream());
    case Method::copy_engine:
      return check_cuda(cudaMemcpyPeerAsync(copy.to, peer.gpu->facts().ordinal, copy.from, facts(side).ordinal,
                                            copy.bytes, here.stream()),
                        "cudaMemcpyPeerAsync", facts(side).ordinal);
    case Method::local_copy_engine:
      return check_cuda(cudaMemcpyAsync(copy.to, copy.from, copy.bytes, cudaMemcpyDeviceToDevice, here.stream()),
                        "cudaMemcpyAsync", facts(side).ordinal);
  }
}

/// Waits for both sides' streams; a kernel that gave up is an error.
void LinkBench::finish(const char* what) const {
  for (const Side& side : sides_) side.gpu->synchronize();
  for (const Side& side : sides_) {
    if (*static_cast<volatile std::uint32_t*>(side.stuck()) == 0) continue;
    throw std::runtime_error(std::string(what) + ": a kernel on device " + std::to_string(side.gpu->facts().ordinal) +
                             " gave up waiting: nothing came over the link");
  }
}

unsigned long long LinkBench::count_wrong(Method method, int sms) {
  for (int side = 0; side < 2; ++side) {
    const Side& here = at(side);
    here.gpu->make_current();
    fill(here.source(), options_.bytes, kSeeds[side], here.stream());
    here.gpu->fill(here.destination(), 0x6b, options_.bytes);
    here.gpu->fill(here.wrong(), 0, sizeof(unsigned long long));
  }
  finish("filling memory");
  for (int side = 0; side < 2; ++side) launch(side, method, sms);
  finish("a copy");
  std::array<unsigned long long, 2> wrong{};
  for (int side = 0; side < 2; ++side) {
    const Side& here = at(side);
    here.gpu->make_current();
    const int from = method == Method::local_copy_engine ? side : 1 - side;
    link::count_wrong(here.destination(), options_.bytes, kSeeds[from], here.wrong(), here.stream());
    here.gpu->copy(&wrong.at(static_cast<std::size_t>(side)), here.wrong(), sizeof(unsigned long long));
  }
  finish("comparing memory");
  return wrong[0] + wrong[1];
}

std::vector<double> LinkBench::bandwidths(Method method, int sms, bool both_ways) {
  const int n_sides = both_ways ? 2 : 1;
  std::vector<double> found;
  for (int side = 0; side < n_sides; ++side) at(side).gpu->prepare_marks(2);
  for (int sample = -kWarmupSamples; sample < options_.samples; ++sample) {
    for (int side = 0; side < n_sides; ++side) at(side).gpu->mark(0);
    // In turns: the host is not what one side waits for.
    for (int repeat = 0; repeat < options_.repeats; ++repeat) {
      for (int side = 0; side < n_sides; ++side) launch(side, method, sms);
    }
    for (int side = 0; side < n_sides; ++side) at(side).gpu->mark(1);
    finish("a copy");
    double us = 0;
    for (int side = 0; side < n_sides; ++side) us = std::max(us, at(side).gpu->us_between(0, 1));
    if (sample >= 0) found.push_back(static_cast<double>(options_.bytes) * options_.repeats / us / 1e3);
  }
  return found;
}

std::vector<double> LinkBench::round_trips_us(bool ordered) {
  std::vector<double> found;
  for (int sample = -kWarmupSamples; sample < options_.samples; ++sample) {
    for (const Side& side : sides_) side.gpu->fill(side.flag(), 0, sizeof(std::uint32_t));
    finish("clearing flags");
    for (int side = 0; side < 2; ++side) {
      const Side& here = at(side);
      PingPong play;
      play.mine = here.flag();
      play.peers = at(1 - side).flag();
      play.rounds = kRounds;
      play.warmup_rounds = kWarmupRounds;
      play.begins = side == 0;
      play.ordered = ordered;
      play.timeout_ns = static_cast<std::uint64_t>(options_.timeout_s) * 1'000'000'000 / 2;
      play.stuck = here.stuck();
      play.elapsed_ns = here.elapsed_ns();
      here.gpu->make_current();
      ping_pong(play, here.stream());
    }
    finish("a flag's round trip");
    const std::uint64_t elapsed_ns = *static_cast<volatile std::uint64_t*>(at(0).elapsed_ns());
    if (sample >= 0) found.push_back(static_cast<double>(elapsed_ns) / 1e3 / kRounds);
  }
  return found;
}

std::vector<double> LinkBench::empty_kernels_us(bool in_graph) {
  const Side& here = at(0);
  here.gpu->prepare_marks(2);
  const auto launch_all = [&] {
    for (int i = 0; i < kKernelsInGraph; ++i) nothing(here.stream());
  };
  here.gpu->make_current();
  if (in_graph) {
    here.gpu->begin_capture();
    launch_all();
    here.gpu->end_capture(0);
  }
  std::vector<double> found;
  for (int sample = -kWarmupSamples; sample < options_.samples; ++sample) {
    here.gpu->mark(0);
    in_graph ? here.gpu->replay(0) : launch_all();
    here.gpu->mark(1);
    finish("empty kernels");
    if (sample >= 0) found.push_back(here.gpu->us_between(0, 1) / kKernelsInGraph);
  }
  return found;
}

}  // namespace stretto::perf::link
