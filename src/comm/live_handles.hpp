// The objects behind a kind of opaque handle, so that a handle that is none, or not any more, is told from one that is.
// Lives for ever: handles may be used while static objects are destroyed. In a forked child none of the parent's is
// one.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/fork.hpp"

namespace stretto {

template <typename Object>
class LiveHandles {
 public:
  static LiveHandles& of_process() {
    static PerProcess<LiveHandles> handles;
    return handles.get();
  }

  /// The handle is the object's address.
  Object* add(std::shared_ptr<Object> object) {
    Object* const handle = object.get();
    const std::lock_guard lock(mutex_);
    live_.emplace(handle, std::move(object));
    return handle;
  }
  /// nullptr for what is no live handle.
  std::shared_ptr<Object> find(const void* handle) const {
    const std::lock_guard lock(mutex_);
    const auto found = live_.find(handle);
    return found == live_.end() ? nullptr : found->second;
  }
  /// The same, and it is no handle from then on.
  std::shared_ptr<Object> take(const void* handle) {
    const std::lock_guard lock(mutex_);
    const auto found = live_.find(handle);
    if (found == live_.end()) return nullptr;
    std::shared_ptr<Object> object = std::move(found->second);
    live_.erase(found);
    return object;
  }
  std::vector<std::shared_ptr<Object>> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Object>> result;
    for (const auto& [handle, object] : live_) result.push_back(object);
    return result;
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<const void*, std::shared_ptr<Object>> live_;
};

}  // namespace stretto
