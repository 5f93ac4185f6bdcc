#include "simulated_gpus.hpp"

#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <random>
#include <thread>

#include "base/error.hpp"
#include "device/gpu.hpp"
#include "simulated_streams.hpp"
#include "thread_kernels.hpp"

namespace stretto::test {

namespace {

constexpr std::size_t kAlignment_bytes = 256;
constexpr std::uint32_t kThreadsPerBlock = 2;
constexpr std::size_t kMemory_bytes = std::size_t{80} << 30;

/// Before the kernel ends: afterwards the host may have freed the reports.
void report(const device::FaultWords& faults, const Failure& failure) {
  device::KernelReport& to = faults.reports[failure.strand];
  to.step = failure.step;
  to.peer = failure.peer;
  to.operation = faults.operation_number;
  const bool aborted = std::atomic_ref(*const_cast<std::uint32_t*>(faults.abort_word)).load() != 0;
  const bool waited = failure.reason == device::KernelFailure::deadline;
  const auto reason = waited && aborted ? device::KernelFailure::aborted : failure.reason;
  std::atomic_ref(to.reason).store(static_cast<std::uint32_t>(reason), std::memory_order_release);
}

/// Blocks of threads, until all have ended; what they found goes to the host's reports.
void run_blocks(const KernelLaunch& launch, const device::FaultWords& faults, bool dead, bool packets_are_ordered,
                const std::function<void(ThreadMachine&, std::uint32_t block)>& body) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::nanoseconds(faults.timeout_ns);
  std::vector<std::unique_ptr<ThreadBlock>> blocks;
  std::vector<std::thread> threads;
  for (std::uint32_t strand = 0; strand < launch.blocks; ++strand) {
    blocks.push_back(std::make_unique<ThreadBlock>(strand, kThreadsPerBlock, dead));
    blocks.back()->deadline = deadline;
    blocks.back()->abort_word = faults.abort_word;
    blocks.back()->packets_are_ordered = packets_are_ordered;
    blocks.back()->on_failure = [&faults](const Failure& failure) { report(faults, failure); };
  }
  for (auto& block : blocks) {
    for (std::uint32_t thread = 0; thread < kThreadsPerBlock; ++thread) {
      threads.emplace_back([&, thread, block = block.get()] {
        ThreadMachine machine(*block, thread, std::random_device()());
        body(machine, block->strand);
      });
    }
  }
  for (std::thread& thread : threads) thread.join();
}

/// The whole of a kernel, in its stream's thread.
void run_kernel(const KernelLaunch& launch, const device::KernelArguments& arguments) {
  device::Operation operation = arguments.operation;
  if (operation.windows == nullptr) operation.windows = const_cast<std::byte* const*>(arguments.windows);
  const device::ProgramView program(arguments.image);
  const device::Window own{operation.windows[operation.rank], operation.rank};
  const bool dead = std::atomic_ref(own.header().dead).load() != 0;
  const KernelForm form = launch.pairs ? KernelForm::pairs : form_of(launch.protocol);
  const RunThread run = thread_kernel(launch.type, launch.op, launch.reduces, form);
  run_blocks(launch, arguments.faults, dead, strands_share_channels(program),
             [&](ThreadMachine& machine, std::uint32_t block) {
               run(machine, {&program, &operation, block});
             });
}

std::atomic<std::uint64_t> wide_exchanges{0};

void run_exchange(const KernelLaunch& launch, const device::ExchangeArguments& arguments) {
  const KernelForm form = arguments.exchange.wide ? KernelForm::wide_exchange : KernelForm::exchange;
  const RunThread run = thread_kernel(launch.type, launch.op, launch.reduces, form);
  std::vector<device::ExchangeLinks> links(launch.blocks);
  run_blocks(launch, arguments.faults, false, false, [&](ThreadMachine& machine, std::uint32_t block) {
    run(machine, {nullptr, nullptr, block, &arguments.exchange, &links[block]});
  });
}

std::atomic<std::uint64_t> short_sums{0};

void run_short_sum(const KernelLaunch& launch, const device::ShortSumArguments& arguments) {
  const RunThread run = thread_kernel(launch.type, launch.op, launch.reduces, KernelForm::short_sum);
  std::vector<ThreadLanding> landings(launch.blocks);
  run_blocks(launch, arguments.faults, false, false, [&](ThreadMachine& machine, std::uint32_t block) {
    run(machine, {nullptr, nullptr, block, nullptr, nullptr, &arguments.sum, &landings[block]});
  });
}

/// Where blocks are resident: kernels come in one after another.
class Multiprocessors {
 public:
  explicit Multiprocessors(std::uint32_t count) : free_(count), count_(count) {}
  std::uint32_t count() const { return count_; }
  void run(std::uint32_t blocks, const std::function<void()>& kernel) {
    {
      std::unique_lock lock(mutex_);
      const std::uint64_t ticket = next_ticket_++;
      changed_.wait(lock, [&] { return ticket == turn_ && free_ >= blocks; });
      free_ -= blocks;
      ++turn_;
      changed_.notify_all();
    }
    kernel();
    const std::lock_guard lock(mutex_);
    free_ += blocks;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint32_t free_;
  const std::uint32_t count_;
  std::uint64_t next_ticket_ = 0;
  std::uint64_t turn_ = 0;
};

class SimulatedGpu final : public Gpu {
 public:
  SimulatedGpu(int ordinal, std::uint32_t resident_blocks, bool joined)
      : joined_(joined), multiprocessors_(std::make_shared<Multiprocessors>(resident_blocks)) {
    facts_.ordinal = ordinal;
    facts_.name = "simulated";
    facts_.multiprocessors = static_cast<int>(resident_blocks);
    facts_.uuid[0] = static_cast<std::byte>(ordinal + 1);
  }

  const GpuFacts& facts() const noexcept override { return facts_; }
  std::uint32_t resident_blocks() const noexcept override { return multiprocessors_->count(); }

  std::byte* allocate(std::size_t bytes) override {
    auto* const memory = static_cast<std::byte*>(::operator new(bytes, std::align_val_t(kAlignment_bytes)));
    std::memset(memory, 0, bytes);
    const std::lock_guard lock(mutex_);
    allocations_[memory] = bytes;
    return memory;
  }
  std::byte* allocate_shared(std::size_t bytes) override { return allocate(bytes); }
  void free(std::byte* memory) noexcept override {
    const std::lock_guard lock(mutex_);
    allocations_.erase(memory);
    ::operator delete(memory, std::align_val_t(kAlignment_bytes));
  }
  std::byte* allocate_pinned(std::size_t bytes) override { return allocate(bytes); }
  void free_pinned(std::byte* memory) noexcept override { free(memory); }
  std::size_t allocated_bytes() {
    const std::lock_guard lock(mutex_);
    std::size_t bytes = 0;
    for (const auto& allocation : allocations_) bytes += allocation.second;
    return bytes;
  }

  void copy_to_device(std::byte* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  /// Word by word: kernels may be writing them.
  void copy_to_host(void* to, const std::byte* from, std::size_t bytes) override {
    for (std::size_t at = 0; at < bytes; at += 4) {
      auto& word = *reinterpret_cast<std::uint32_t*>(const_cast<std::byte*>(from + at));
      const std::uint32_t value = std::atomic_ref(word).load(std::memory_order_acquire);
      std::memcpy(static_cast<std::byte*>(to) + at, &value, 4);
    }
  }

  void allow_peer(std::byte*, const GpuFacts&) override {}
  bool stores_lines_whole(const GpuUuid& peer) override { return joined_ || peer == facts_.uuid; }
  Handle export_memory(std::byte*) override { throw Error(strettoUnsupported, "simulated GPUs are one process's"); }
  std::byte* import_memory(const Handle&, std::size_t) override {
    throw Error(strettoUnsupported, "simulated GPUs are one process's");
  }
  void load_kernels() override {}

  void launch(const KernelLaunch& launch, strettoStream_t stream) override {
    if (launch.short_sum != nullptr) {
      ++short_sums;
      const auto arguments = std::make_shared<device::ShortSumArguments>(*launch.short_sum);
      return of(stream).enqueue([launch, arguments, on = multiprocessors_] {
        on->run(launch.blocks, [&] { run_short_sum(launch, *arguments); });
      });
    }
    if (launch.exchange != nullptr) {
      if (launch.exchange->exchange.wide) ++wide_exchanges;
      const auto arguments = std::make_shared<device::ExchangeArguments>(*launch.exchange);
      return of(stream).enqueue([launch, arguments, on = multiprocessors_] {
        on->run(launch.blocks, [&] { run_exchange(launch, *arguments); });
      });
    }
    const auto arguments = std::make_shared<device::KernelArguments>(*launch.arguments);
    of(stream).enqueue([launch, arguments, on = multiprocessors_] {
      on->run(launch.blocks, [&] { run_kernel(launch, *arguments); });
    });
  }

  void copy_in_stream(std::byte* to, const std::byte* from, std::size_t bytes, strettoStream_t stream) override {
    of(stream).enqueue([=] { std::memcpy(to, from, bytes); });
  }

  PointerFacts pointer_facts(const void* pointer) override;
  /// Of this GPU's allocations.
  bool owns(const void* pointer) const {
    const std::lock_guard lock(mutex_);
    const auto* const at = static_cast<const std::byte*>(pointer);
    auto next = allocations_.upper_bound(const_cast<std::byte*>(at));
    if (next == allocations_.begin()) return false;
    --next;
    return at < next->first + next->second;
  }
  StreamFacts stream_facts(strettoStream_t stream) override { return of(stream).facts(); }

  void watch_graph(strettoStream_t stream, std::shared_ptr<std::atomic<bool>> gone) override {
    of(stream).watch_graph(std::move(gone));
  }

  Event make_event() override { return new SimulatedEvent; }
  void destroy_event(Event event) noexcept override { delete static_cast<SimulatedEvent*>(event); }
  void record(Event event, strettoStream_t stream) override { of(stream).record(*static_cast<SimulatedEvent*>(event)); }
  void make_wait(strettoStream_t stream, Event event) override {
    of(stream).wait(*static_cast<SimulatedEvent*>(event));
  }
  bool is_done(Event event) override {
    auto& from = *static_cast<SimulatedEvent*>(event);
    const std::lock_guard lock(from.mutex);
    return !from.latest || from.latest->is_reached();  // one that was never recorded is done, as CUDA has it
  }

 private:
  /// nullptr: the device's own.
  SimulatedStream& of(strettoStream_t stream) {
    return stream != nullptr ? *reinterpret_cast<SimulatedStream*>(stream) : default_stream_;
  }

  GpuFacts facts_;
  const bool joined_;
  const std::shared_ptr<Multiprocessors> multiprocessors_;  ///< graphs may outlive the GPU
  mutable std::mutex mutex_;
  std::map<std::byte*, std::size_t> allocations_;
  SimulatedStream default_stream_;
};

std::vector<std::shared_ptr<SimulatedGpu>>& all() {
  static std::vector<std::shared_ptr<SimulatedGpu>> gpus;
  return gpus;
}

PointerFacts SimulatedGpu::pointer_facts(const void* pointer) {
  for (const auto& gpu : all()) {
    if (gpu->owns(pointer)) return {PointerFacts::Kind::device, gpu->facts().ordinal};
  }
  return {};
}

class SimulatedGpus final : public GpuProvider, public TestGpus {
 public:
  SimulatedGpus(int count, std::uint32_t resident_blocks, bool joined) {
    for (int i = 0; i < count; ++i) all().push_back(std::make_shared<SimulatedGpu>(i, resident_blocks, joined));
    replace_gpus(this);
  }
  ~SimulatedGpus() override {
    replace_gpus(nullptr);
    all().clear();
  }

  int count() override { return static_cast<int>(all().size()); }
  int count() const override { return static_cast<int>(all().size()); }
  int current() override { return 0; }
  std::shared_ptr<Gpu> open(int ordinal) override { return all().at(static_cast<std::size_t>(ordinal)); }
  std::string obstacle() override { return {}; }

  std::byte* allocate(int device, std::size_t bytes) override { return open(device)->allocate(bytes); }
  void free(int device, std::byte* memory) override { open(device)->free(memory); }
  std::size_t free_bytes(int device) override {
    return kMemory_bytes - static_cast<SimulatedGpu&>(*open(device)).allocated_bytes();
  }
  void upload(std::byte* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void download(void* to, const std::byte* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  std::unique_ptr<TestStream> make_stream(int) override { return std::make_unique<SimulatedStream>(); }
};

}  // namespace

std::uint64_t simulated_short_sums() { return short_sums; }

std::uint64_t simulated_wide_exchanges() { return wide_exchanges; }

std::unique_ptr<TestGpus> make_simulated_gpus(int count, std::uint32_t resident_blocks, bool joined) {
  return std::make_unique<SimulatedGpus>(count, resident_blocks, joined);
}

}  // namespace stretto::test
