#include "transports/cuda_ipc/cuda_ipc_windows.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "base/fork.hpp"
#include "base/system.hpp"
#include "base/text.hpp"
#include "base/wire.hpp"

namespace stretto {
namespace {

using Token = std::array<std::byte, 16>;

/// Tells this process from all others, in whatever namespace of process numbers they live.
const Token& process_token() {
  struct Random {
    Token token{};
    Random() { posix_system().fill_random(token); }
  };
  static PerProcess<Random> random;
  return random.get().token;
}

struct Description {
  Token process{};
  GpuUuid uuid{};
  std::int32_t ordinal = 0;  ///< in its process
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  std::vector<std::byte> exchange;  ///< where its process takes descriptors
};

std::vector<std::byte> encode(const Description& description) {
  WireWriter out;
  for (const std::byte byte : description.process) out.number(byte);
  for (const std::byte byte : description.uuid) out.number(byte);
  out.number(description.ordinal);
  out.number(description.address);
  out.number(description.bytes);
  out.blob(description.exchange);
  return out.take();
}

Description decode(std::span<const std::byte> bytes) {
  WireReader in(bytes);
  Description description;
  for (std::byte& byte : description.process) byte = in.number<std::byte>();
  for (std::byte& byte : description.uuid) byte = in.number<std::byte>();
  description.ordinal = in.number<std::int32_t>();
  description.address = in.number<std::uint64_t>();
  description.bytes = in.number<std::uint64_t>();
  const std::span<const std::byte> exchange = in.blob();
  description.exchange.assign(exchange.begin(), exchange.end());
  return description;
}

[[noreturn]] void fail(const Error& error, Rank rank, Rank peer, int ordinal) {
  ErrorInfo info = error.info();
  info.rank = rank;
  info.peer = peer;
  info.name = "peer access";
  info.text = format("rank {} on CUDA device {} cannot map the memory of rank {}: {}", rank, ordinal, peer, info.text);
  throw Error(std::move(info));
}

}  // namespace

/// A rank's own windows, owned by all ranks of the process that use them.
struct CudaIpcWindows::Allocation {
  Allocation(std::shared_ptr<Gpu> of, std::size_t bytes) : gpu(std::move(of)), memory(gpu->allocate_shared(bytes)) {}
  ~Allocation() { gpu->free(memory); }
  Allocation(const Allocation&) = delete;
  Allocation& operator=(const Allocation&) = delete;

  std::shared_ptr<Gpu> gpu;
  std::byte* memory;
};

namespace {

template <typename Allocation>
struct Allocations {
  std::mutex mutex;
  std::map<std::uint64_t, std::weak_ptr<Allocation>> by_address;
};

template <typename Allocation>
Allocations<Allocation>& allocations_of_process() {
  static PerProcess<Allocations<Allocation>> all;
  return all.get();
}

}  // namespace

std::shared_ptr<CudaIpcWindows::Allocation> CudaIpcWindows::allocation_at(std::uint64_t address) {
  Allocations<Allocation>& all = allocations_of_process<Allocation>();
  const std::lock_guard lock(all.mutex);
  const auto found = all.by_address.find(address);
  std::shared_ptr<Allocation> allocation = found == all.by_address.end() ? nullptr : found->second.lock();
  if (!allocation) throw Error(strettoRemoteError, "it has gone");
  return allocation;
}

CudaIpcWindows::CudaIpcWindows(std::shared_ptr<Gpu> gpu, const device::WindowShape& shape, Rank rank, int lanes)
    : gpu_(std::move(gpu)),
      shape_(shape),
      rank_(rank),
      lanes_(lanes),
      lane_bytes_((shape.bytes() + 4095) / 4096 * 4096),
      windows_(shape.n_ranks, nullptr) {
  own_ = std::make_shared<Allocation>(gpu_, own_bytes());
  windows_[static_cast<std::size_t>(rank_)] = own_->memory;
  Allocations<Allocation>& all = allocations_of_process<Allocation>();
  const std::lock_guard lock(all.mutex);
  std::erase_if(all.by_address, [](const auto& entry) { return entry.second.expired(); });
  all.by_address[reinterpret_cast<std::uintptr_t>(own_->memory)] = own_;
}

CudaIpcWindows::~CudaIpcWindows() {
  for (std::byte* memory : imported_) gpu_->free(memory);
  if (table_ != nullptr) gpu_->free(table_);
}

std::vector<std::byte> CudaIpcWindows::describe() {
  Description description;
  description.process = process_token();
  description.uuid = gpu_->facts().uuid;
  description.ordinal = gpu_->facts().ordinal;
  description.address = reinterpret_cast<std::uintptr_t>(own_->memory);
  description.bytes = own_bytes();
  if (shape_.n_ranks > 1) {
    const auto name = std::as_bytes(std::span(exchange_.emplace(posix_system(), rank_).name()));
    description.exchange.assign(name.begin(), name.end());
  }
  return encode(description);
}

void CudaIpcWindows::start(std::span<const std::vector<std::byte>> blobs, std::int64_t deadline_ns) {
  std::vector<DescriptorExchange::Peer> elsewhere;
  for (std::size_t peer = 0; peer < blobs.size(); ++peer) {
    const auto rank = static_cast<Rank>(peer);
    if (rank == rank_) continue;
    try {
      const Description theirs = decode(blobs[peer]);
      if (theirs.bytes != own_bytes()) {
        throw Error(strettoInvalidUsage, format("its windows have {} bytes, mine {}: give all ranks the same config",
                                                theirs.bytes, own_bytes()));
      }
      if (theirs.process == process_token()) {
        GpuFacts facts;
        facts.ordinal = theirs.ordinal;
        facts.uuid = theirs.uuid;
        gpu_->allow_peer(own_->memory, facts);
        shared_.push_back(allocation_at(theirs.address));
        windows_[peer] = shared_.back()->memory;
      } else {
        elsewhere.push_back({rank, {reinterpret_cast<const char*>(theirs.exchange.data()), theirs.exchange.size()}});
      }
    } catch (const Error& error) {
      fail(error, rank_, rank, gpu_->facts().ordinal);
    }
  }
  if (elsewhere.empty()) {
    exchange_.reset();
    make_table();
  } else {
    exchange_->start(std::move(elsewhere), gpu_->export_memory(own_->memory), deadline_ns);
  }
}

bool CudaIpcWindows::poll_setup() {
  if (!exchange_) return true;
  try {
    if (!exchange_->poll()) return false;
  } catch (const Error& error) {
    if (error.info().peer < 0) throw;  // of this process alone
    fail(error, rank_, error.info().peer, gpu_->facts().ordinal);
  }
  for (const auto& [peer, descriptor] : exchange_->take()) {
    try {
      imported_.push_back(gpu_->import_memory(descriptor, own_bytes()));
    } catch (const Error& error) {
      fail(error, rank_, peer, gpu_->facts().ordinal);
    }
    windows_[static_cast<std::size_t>(peer)] = imported_.back();
  }
  exchange_.reset();
  make_table();
  return true;
}

void CudaIpcWindows::watch(WaitSet& waits) {
  if (exchange_) exchange_->watch(waits);
}

void CudaIpcWindows::make_table() {
  if (table_bytes() == 0) return;
  std::vector<std::byte*> table;
  for (int lane = 0; lane < lanes_; ++lane) {
    for (std::size_t peer = 0; peer < windows_.size(); ++peer) table.push_back(window(static_cast<Rank>(peer), lane));
  }
  table_ = gpu_->allocate(table_bytes());
  gpu_->copy_to_device(table_, table.data(), table_bytes());
}

std::size_t CudaIpcWindows::table_bytes() const noexcept {
  if (shape_.n_ranks <= device::kInlineWindows) return 0;
  return windows_.size() * static_cast<std::size_t>(lanes_) * sizeof(std::byte*);
}

std::byte* const* CudaIpcWindows::table(int lane) const {
  if (table_ == nullptr) return nullptr;
  return reinterpret_cast<std::byte* const*>(table_) + static_cast<std::size_t>(lane) * windows_.size();
}

}  // namespace stretto
