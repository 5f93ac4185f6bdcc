// The memory of the caller's that a communicator was told of (strettoCommRegister). What is registered is checked and
// remembered; operations do not look at it yet, so that it changes nothing about them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace stretto {

class Registrations {
 public:
  /// No handle is given out twice in a process, by whichever communicator: so one that is of another communicator, or
  /// has ended, is never taken for a live one. nullptr is none.
  using Handle = void*;

  Handle add(const void* buffer, std::size_t bytes);
  /// False: no live handle of this communicator.
  bool remove(Handle handle);

 private:
  struct Range {
    const void* buffer;
    std::size_t bytes;
  };
  std::mutex mutex_;
  std::map<Handle, Range> live_;
};

}  // namespace stretto
