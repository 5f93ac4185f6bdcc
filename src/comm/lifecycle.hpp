// What a communicator of either kind, of host memory or of a device, is to those who make and end it.
#pragma once

#include <cstdint>

#include "base/error.hpp"

namespace stretto {

struct Settings;
class Topology;

class Lifecycle {
 public:
  /// Says goodbye, and does not wait for other ranks' operations.
  virtual ~Lifecycle() = default;
  /// What the ranks agreed on.
  virtual const Settings& agreed_settings() const = 0;
  virtual const Topology& topology() const = 0;
  /// The right to issue, for ever: nothing is issued any more. False: another thread has it.
  virtual bool close() noexcept = 0;
  /// Gives it back.
  virtual void leave() noexcept = 0;
  /// Returns when all that was issued has ended.
  virtual void drain() = 0;
  /// Operations that have ended well. After drain().
  virtual std::uint64_t completed() const = 0;
  /// Any thread, any time.
  virtual void abort() = 0;
  /// The first fault as this rank reports it, or nullptr. Any thread.
  virtual const ErrorInfo* fault() const = 0;
};

}  // namespace stretto
