// Events of host streams: a point in a stream that has been reached or not, and when. And the other tasks of a stream
// that are no operations: host functions.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "comm/host_stream.hpp"

namespace stretto {

/// One recording of an event: reached once. Shared by the event, the stream that reaches it and those that wait.
class EventRecord {
 public:
  void reach(std::int64_t now_ns);
  bool reached() const;
  std::int64_t at_ns() const;  ///< after reached()
  void wait();
  /// Comes back without it when `ending` becomes true.
  void wait_unless(const std::atomic<bool>& ending);

 private:
  mutable std::mutex mutex_;
  std::condition_variable reached_changed_;
  bool reached_ = false;
  std::int64_t at_ns_ = 0;
};

class HostEvent {
 public:
  /// A new recording replaces the one before. False: the stream is being destroyed.
  bool record(HostStream& stream);
  /// The recording that counts now; nullptr: there has been none.
  std::shared_ptr<EventRecord> latest() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<EventRecord> latest_;
};

/// What comes after in the stream waits for the record. False: the stream is being destroyed.
bool enqueue_record(HostStream& stream, std::shared_ptr<EventRecord> record);
bool enqueue_wait(HostStream& stream, std::shared_ptr<EventRecord> record);
bool enqueue_function(HostStream& stream, void (*function)(void*), void* context);

}  // namespace stretto
