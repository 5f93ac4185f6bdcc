// Launches of sends and receives that come again: with the same peers, buffers and sizes, as those of pipelines do. At
// the second time their programs are put into device memory, where a kernel reads them sooner than across PCIe, and the
// host need not make them again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "device/gpu.hpp"
#include "exec/device_pairs.hpp"

namespace stretto {

struct DeviceLaunch;

/// For one thread at a time.
class PairCache {
 public:
  explicit PairCache(Gpu& gpu) : gpu_(gpu) {}
  /// No kernel runs that reads what is here.
  ~PairCache();
  PairCache(const PairCache&) = delete;
  PairCache& operator=(const PairCache&) = delete;

  struct Entry {
    std::vector<std::shared_ptr<DeviceLaunch>> launches;  ///< none yet: they have been seen once
    Gpu::Event has_run = nullptr;                         ///< recorded behind each launch of them
    std::uint64_t last_use = 0;
  };
  /// What is kept of transfers; nullptr: nothing.
  Entry* find(std::span<const DeviceTransfer> transfers);
  /// Of those of which nothing is: where their launches are to be kept, since they were seen before. nullptr: they were
  /// not, or there is no room.
  Entry* note(std::span<const DeviceTransfer> transfers);

 private:
  void make_room();

  Gpu& gpu_;
  std::map<std::string, Entry> entries_;
  std::uint64_t uses_ = 0;
};

}  // namespace stretto
