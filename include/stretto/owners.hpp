// SPDX-License-Identifier: Apache-2.0
//
// The part of stretto.hpp, which includes it, that owns streams, events and user-made operations.
#pragma once

#include "stretto/stretto.hpp"

namespace stretto {
inline namespace wrapper {

/// A host stream; the destructor completes what was issued and drops errors. Converts to the handle that calls take.
class Stream {
 public:
  /// As strettoStreamCreate.
  Stream() { check(strettoStreamCreate(&handle_)); }
  /// Takes over the stream; `other` has none then.
  Stream(Stream&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  /// The two change places.
  Stream& operator=(Stream&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { strettoStreamDestroy(handle_); }

  /// The C handle, still owned by this object.
  operator strettoStream_t() const noexcept { return handle_; }

  /// As strettoStreamSynchronize.
  void synchronize() const { check(strettoStreamSynchronize(handle_)); }
  /// True when all that was issued has ended. Throws the first error of it.
  bool idle() const {
    const strettoResult_t result = strettoStreamQuery(handle_);
    check(result);
    return result == strettoSuccess;
  }

 private:
  strettoStream_t handle_ = nullptr;
};

/// An event; the handle may be freed at any time.
class Event {
 public:
  /// As strettoEventCreate.
  Event() { check(strettoEventCreate(&handle_)); }
  /// Takes over the event; `other` has none then.
  Event(Event&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  /// The two change places.
  Event& operator=(Event&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { strettoEventDestroy(handle_); }

  /// The C handle, still owned by this object.
  operator strettoEvent_t() const noexcept { return handle_; }

  /// As strettoEventRecord.
  void record(const Stream& stream) { check(strettoEventRecord(handle_, stream)); }
  /// As strettoStreamWaitEvent: what is issued to `stream` from now on waits for this event.
  void hold(const Stream& stream) const { check(strettoStreamWaitEvent(stream, handle_)); }
  /// As strettoEventSynchronize.
  void synchronize() const { check(strettoEventSynchronize(handle_)); }

 private:
  strettoEvent_t handle_ = nullptr;
};

/// A sum of inputs that are multiplied by this rank's scalar first. For calls on `comm`, which must live longer.
class PreMulSum {
 public:
  /// As strettoRedOpCreatePreMulSum with strettoScalarHostImmediate.
  template <typename T>
  PreMulSum(const Communicator& comm, T scalar) : comm_(comm.handle()) {
    check(strettoRedOpCreatePreMulSum(&op_, &scalar, DataTypeOf<T>::value, strettoScalarHostImmediate, comm_), comm_);
  }
  PreMulSum(const PreMulSum&) = delete;
  PreMulSum& operator=(const PreMulSum&) = delete;
  ~PreMulSum() { strettoRedOpDestroy(op_, comm_); }

  /// The C handle, still owned by this object.
  operator strettoRedOp_t() const noexcept { return op_; }

 private:
  strettoComm_t comm_;
  strettoRedOp_t op_{};
};

}  // namespace wrapper
}  // namespace stretto
