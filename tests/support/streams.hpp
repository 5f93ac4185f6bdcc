// Host streams for tests: owned, and with gates that keep a stream waiting until the test lets it go on.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>

#include "stretto/stretto.h"

namespace stretto {

class TestStream {
 public:
  TestStream() { EXPECT_EQ(strettoStreamCreate(&stream_), strettoSuccess) << strettoGetLastError(nullptr); }
  ~TestStream() { EXPECT_EQ(strettoStreamDestroy(stream_), strettoSuccess); }
  TestStream(const TestStream&) = delete;
  TestStream& operator=(const TestStream&) = delete;
  // NOLINTNEXTLINE(google-explicit-constructor): calls take it as the handle
  operator strettoStream_t() const { return stream_; }

 private:
  strettoStream_t stream_ = nullptr;
};

class TestEvent {
 public:
  TestEvent() { EXPECT_EQ(strettoEventCreate(&event_), strettoSuccess); }
  ~TestEvent() { EXPECT_EQ(strettoEventDestroy(event_), strettoSuccess); }
  TestEvent(const TestEvent&) = delete;
  TestEvent& operator=(const TestEvent&) = delete;
  // NOLINTNEXTLINE(google-explicit-constructor): likewise
  operator strettoEvent_t() const { return event_; }

 private:
  strettoEvent_t event_ = nullptr;
};

/// Holds up a stream from close() to open(), or until it goes out of scope. Declare it after the stream.
class StreamGate {
 public:
  ~StreamGate() { open(); }
  /// Returns when the stream has come to the gate.
  void close(strettoStream_t stream) {
    EXPECT_EQ(strettoStreamLaunchHostFunc(stream, hold, new std::shared_ptr<State>(state_)), strettoSuccess);
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [&] { return state_->reached; });
  }
  void open() {
    const std::lock_guard lock(state_->mutex);
    state_->open = true;
    state_->changed.notify_all();
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool reached = false;
    bool open = false;
  };

  static void hold(void* context) {
    const std::unique_ptr<std::shared_ptr<State>> state(static_cast<std::shared_ptr<State>*>(context));
    State& gate = **state;
    std::unique_lock lock(gate.mutex);
    gate.reached = true;
    gate.changed.notify_all();
    gate.changed.wait(lock, [&] { return gate.open; });
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace stretto
