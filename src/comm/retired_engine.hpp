// What a device communicator leaves when it is destroyed while its graphs still live, or while its kernels have not
// ended: memory that these may touch is kept until they are gone. Freed by the service thread.
#pragma once

#include <memory>

#include "comm/device_engine.hpp"
#include "comm/device_lanes.hpp"
#include "comm/service.hpp"

namespace stretto {

class RetiredEngine final : public ServiceTask {
 public:
  /// @param has_drained nothing runs in the eager lane
  RetiredEngine(std::unique_ptr<DeviceEngine> engine, LanesLeft left, bool has_drained);

  void poll() override;
  bool finished() const override { return engine_ == nullptr; }
  void watch(WaitSet&) override {}
  std::int64_t next_deadline_ns() override;

 private:
  void warn();

  std::unique_ptr<DeviceEngine> engine_;
  LanesLeft left_;
  bool has_drained_;
  std::int64_t warn_at_ns_;  ///< a graph may need a moment to be gone; 0: has warned
};

}  // namespace stretto
