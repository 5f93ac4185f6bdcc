#include "device_team.hpp"

#include <algorithm>
#include <optional>
#include <thread>

namespace stretto::test {
namespace {

using device::Protocol;

constexpr std::size_t kAlignment_bytes = 128;

}  // namespace

/// One rank's kernel: what it is to do, and a block for each strand.
struct TeamKernel {
  std::optional<device::ProgramView> program;
  device::Operation operation;
  device::Exchange exchange;
  std::vector<device::ExchangeLinks> links;  ///< by block
  std::optional<device::ShortSumArguments> short_sum;
  std::vector<ThreadLanding> landings;  ///< likewise
  RunThread run = nullptr;
  std::unique_ptr<std::byte[]> scratch;
  std::vector<std::unique_ptr<ThreadBlock>> blocks;

  ThreadLaunch launch_of(std::uint32_t block) {
    if (short_sum) return {nullptr, nullptr, block, nullptr, nullptr, &short_sum->sum, &landings[block]};
    if (!program) return {nullptr, nullptr, block, &exchange, &links[block]};
    return {&*program, &operation, block};
  }
};

DeviceTeam::DeviceTeam(const device::WindowShape& shape, std::uint64_t seed) : shape_(shape), random_(seed) {
  for (std::uint32_t rank = 0; rank < shape.n_ranks; ++rank) {
    Memory memory;
    memory.bytes = std::make_unique<std::byte[]>(shape.bytes() + kAlignment_bytes);  // zeros
    const auto address = reinterpret_cast<std::uintptr_t>(memory.bytes.get());
    memory.data = memory.bytes.get() + (kAlignment_bytes - address % kAlignment_bytes) % kAlignment_bytes;
    addresses_.push_back(memory.data);
    windows_.push_back(std::move(memory));
  }
}

device::Window DeviceTeam::window(Rank rank) const {
  return {addresses_[static_cast<std::size_t>(rank)], static_cast<std::uint32_t>(rank)};
}

template <class Action>
void DeviceTeam::each_link(const Action& action) const {
  for (std::uint32_t owner = 0; owner < shape_.n_ranks; ++owner) {
    for (std::uint32_t peer = 0; peer < shape_.n_ranks; ++peer) {
      if (peer == owner) continue;
      const device::Window mine = window(static_cast<Rank>(owner));
      const device::Window theirs = window(static_cast<Rank>(peer));
      for (std::uint32_t channel = 0; channel < shape_.link_channels(); ++channel) {
        action(mine.link(shape_, channel, peer), theirs.link(shape_, channel, owner),
               std::max(shape_.slots, shape_.packet_slots));
      }
    }
  }
}

void DeviceTeam::pretend_history(std::uint32_t messages, std::uint32_t signalled) {
  each_link([&](device::LinkWords& words, const device::LinkWords&, std::uint32_t) {
    words.head = words.sent = words.received = messages;
    words.tail = signalled;
    words.greeting = messages;
  });
  for (std::uint32_t owner = 0; owner < shape_.n_ranks; ++owner) {
    for (std::uint32_t channel = 0; channel < shape_.channels; ++channel) {
      device::ChannelWords& words = window(static_cast<Rank>(owner)).channel(shape_, channel);
      words.passed = words.taken = messages;
    }
  }
}

void DeviceTeam::withhold_credits(Rank from, Rank by) {
  for (std::uint32_t channel = 0; channel < shape_.channels; ++channel) {
    window(from).link(shape_, channel, static_cast<std::uint32_t>(by)).head -= shape_.slots;
    // It would give them at the begin of its next operation, if it had read what came before.
    window(by).link(shape_, channel, static_cast<std::uint32_t>(from)).received -= shape_.slots;
  }
}

void DeviceTeam::pretend_busy(Rank rank, Rank peer) {
  window(rank).link(shape_, 0, static_cast<std::uint32_t>(peer)).busy = 1;
}

void DeviceTeam::pretend_behind(Rank rank, Rank peer, std::uint32_t n_messages) {
  window(rank).link(shape_, 0, static_cast<std::uint32_t>(peer)).received -= n_messages;
}

std::vector<std::byte> DeviceTeam::window_bytes(Rank rank) const {
  const std::byte* const begin = window(rank).base;
  return {begin, begin + shape_.bytes()};
}

bool DeviceTeam::is_dead(Rank rank) const { return window(rank).header().dead != 0; }

std::size_t DeviceTeam::flags_of_message(Rank owner, Rank peer, std::uint32_t message) const {
  const device::Packet* packets = window(owner).packets(shape_, 0, static_cast<std::uint32_t>(peer), message);
  std::size_t found = 0;
  for (std::size_t i = 0; i < shape_.packets_per_slot(); ++i) {
    for (const std::uint64_t word : packets[i].words) found += (word >> 32) == message + 1 ? 1 : 0;
  }
  return found;
}

std::size_t DeviceTeam::wide_flags_of_message(Rank owner, Rank peer, std::uint32_t message) const {
  const device::WidePacket* packets = window(owner).wide_packets(shape_, 0, static_cast<std::uint32_t>(peer), message);
  return static_cast<std::size_t>(std::count_if(packets, packets + shape_.wide_packets, [&](const auto& packet) {
    return packet.words[2 * device::WidePacket::kPieces - 1] == message + 1;
  }));
}

bool DeviceTeam::is_quiet() const {
  bool quiet = true;
  for (std::uint32_t owner = 0; owner < shape_.n_ranks; ++owner) {
    for (std::uint32_t channel = 0; channel < shape_.channels; ++channel) {
      const device::ChannelWords& words = window(static_cast<Rank>(owner)).channel(shape_, channel);
      quiet = quiet && words.passed == words.taken;
    }
  }
  each_link([&](const device::LinkWords& mine, const device::LinkWords& theirs, std::uint32_t slots) {
    // An operation's last credits are given by the next one.
    quiet = quiet && mine.sent == theirs.received && mine.sent - mine.head <= slots;
  });
  return quiet;
}

std::vector<RankResult> DeviceTeam::run(Protocol protocol, strettoDataType_t type, strettoRedOp_t op, bool reduces,
                                        const std::vector<RankCall>& calls) {
  std::vector<std::unique_ptr<TeamKernel>> kernels(calls.size());
  for (std::size_t rank = 0; rank < calls.size(); ++rank) {
    const RankCall& call = calls[rank];
    if (call.program == nullptr && call.exchange == nullptr) continue;
    kernels[rank] = std::make_unique<TeamKernel>();
    TeamKernel& kernel = *kernels[rank];
    std::uint32_t blocks = call.channels;
    if (call.exchange != nullptr) {
      kernel.exchange = *call.exchange;
      set_exchange(kernel.exchange, call, static_cast<Rank>(rank));
      kernel.links.resize(blocks);
      kernel.landings.resize(blocks);
      if (call.short_sum) kernel.short_sum = device::short_sum_of({kernel.exchange, {}}).value();
    } else {
      kernel.program.emplace(call.program->image.data());
      kernel.operation = operation_of(call, static_cast<Rank>(rank));
      kernel.scratch = std::make_unique<std::byte[]>(call.program->scratch_bytes + 64);
      kernel.operation.scratch = kernel.scratch.get();
      blocks = kernel.program->header->n_strands;
    }
    const KernelForm form = call.short_sum ? KernelForm::short_sum
                            : call.exchange != nullptr
                                ? (call.exchange->wide ? KernelForm::wide_exchange : KernelForm::exchange)
                                : form_of(protocol);
    kernel.run = thread_kernel(type, op, reduces, form);
    for (std::uint32_t block = 0; block < blocks; ++block) {
      const bool dead = call.exchange == nullptr && is_dead(static_cast<Rank>(rank));
      kernel.blocks.push_back(std::make_unique<ThreadBlock>(block, threads_per_block, dead));
      kernel.blocks.back()->packets_are_ordered = kernel.program && strands_share_channels(*kernel.program);
    }
  }
  return run_kernels(kernels);
}

device::Operation DeviceTeam::operation_of(const RankCall& call, Rank rank) const {
  device::Operation operation;
  operation.input = static_cast<const std::byte*>(call.input);
  operation.output = static_cast<std::byte*>(call.output);
  operation.windows = addresses_.data();
  operation.scalar = call.scalar;
  operation.rank = static_cast<std::uint32_t>(rank);
  operation.multiplies = call.multiplies;
  operation.orders_halves = call.orders_halves;
  operation.shape = shape_;
  return operation;
}

void DeviceTeam::set_exchange(device::Exchange& exchange, const RankCall& call, Rank rank) const {
  exchange.input = static_cast<const std::byte*>(call.input);
  exchange.output = static_cast<std::byte*>(call.output);
  exchange.window = window(rank).base;
  exchange.scalar = call.scalar;
  exchange.multiplies = call.multiplies;
  device::place_exchange(exchange, shape_);
  for (std::size_t i = 0; i < exchange.n_peers; ++i) {
    exchange.peers[i].window = window(exchange.peers[i].rank).base;
  }
}

std::vector<RankResult> DeviceTeam::run_kernels(std::vector<std::unique_ptr<TeamKernel>>& kernels) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  std::vector<std::thread> threads;
  std::unique_lock lock(mutex_);
  for (auto& kernel : kernels) {
    if (!kernel) continue;
    for (auto& block : kernel->blocks) {
      block->deadline = deadline;
      for (std::uint32_t thread = 0; thread < threads_per_block; ++thread) {
        const std::uint64_t seed = random_();
        threads.emplace_back([seed, thread, &kernel = *kernel, &block = *block] {
          ThreadMachine machine(block, thread, seed);
          kernel.run(machine, kernel.launch_of(block.strand));
        });
      }
    }
  }
  lock.unlock();
  for (std::thread& thread : threads) thread.join();
  std::vector<RankResult> results(kernels.size());
  for (std::size_t rank = 0; rank < kernels.size(); ++rank) {
    if (!kernels[rank]) continue;
    for (const auto& block : kernels[rank]->blocks) {
      results[rank].steps.insert(results[rank].steps.end(), block->steps.begin(), block->steps.end());
      results[rank].failures.insert(results[rank].failures.end(), block->failures.begin(), block->failures.end());
    }
  }
  return results;
}

}  // namespace stretto::test
