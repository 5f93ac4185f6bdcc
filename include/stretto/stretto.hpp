// SPDX-License-Identifier: Apache-2.0
//
// stretto for C++17 and later: the C interface (stretto.h) with ownership and exceptions, and nothing more. Header
// only. What each call does, its deadlines and its threads, is said in stretto.h; here only what differs is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "stretto/stretto.h"

namespace stretto {
// The library's own classes of the same names live outside this one.
inline namespace wrapper {

/// A call that failed. The fields are in info(), the text is what().
class Exception : public std::exception {
 public:
  /// With fields that are already there.
  explicit Exception(const strettoErrorInfo_t& info) noexcept : info_(info) {}

  /// The error of a call on `comm` (may be null) that returned `result`: the communicator's fault, or, where that is
  /// another one (an argument was refused, say), this thread's last error.
  static Exception last(strettoResult_t result, strettoComm_t comm) noexcept {
    strettoErrorInfo_t info = STRETTO_ERROR_INFO_INITIALIZER;
    if (!ask(result, comm, info) && !ask(result, nullptr, info)) {
      info = STRETTO_ERROR_INFO_INITIALIZER;
      info.code = result;
    }
    if (info.text[0] == '\0') std::strncpy(info.text, strettoGetErrorString(result), sizeof info.text - 1);
    return Exception(info);
  }

  /// The text: what happened, where, and what to do.
  const char* what() const noexcept override { return info_.text; }
  /// The result code.
  strettoResult_t code() const noexcept { return info_.code; }
  /// All fields.
  const strettoErrorInfo_t& info() const noexcept { return info_; }

 private:
  static bool ask(strettoResult_t result, strettoComm_t comm, strettoErrorInfo_t& info) noexcept {
    return strettoGetErrorInfo(comm, &info) == strettoSuccess && info.code == result;
  }

  strettoErrorInfo_t info_;
};

/// Throws unless `result` is strettoSuccess, or strettoInProgress (of a communicator that does not block).
inline void check(strettoResult_t result, strettoComm_t comm = nullptr) {
  if (result != strettoSuccess && result != strettoInProgress) throw Exception::last(result, comm);
}

/// The number of STRETTO_VERSION of the library that is loaded.
inline int version() {
  int number = 0;
  check(strettoGetVersion(&number));
  return number;
}

/// The element type of T; specialise it for types of your own that have the same bits.
template <typename T>
struct DataTypeOf;
template <>
struct DataTypeOf<std::int8_t> {
  static constexpr strettoDataType_t value = strettoInt8;
};
template <>
struct DataTypeOf<std::uint8_t> {
  static constexpr strettoDataType_t value = strettoUint8;
};
template <>
struct DataTypeOf<std::int32_t> {
  static constexpr strettoDataType_t value = strettoInt32;
};
template <>
struct DataTypeOf<std::uint32_t> {
  static constexpr strettoDataType_t value = strettoUint32;
};
template <>
struct DataTypeOf<std::int64_t> {
  static constexpr strettoDataType_t value = strettoInt64;
};
template <>
struct DataTypeOf<std::uint64_t> {
  static constexpr strettoDataType_t value = strettoUint64;
};
template <>
struct DataTypeOf<float> {
  static constexpr strettoDataType_t value = strettoFloat32;
};
template <>
struct DataTypeOf<double> {
  static constexpr strettoDataType_t value = strettoFloat64;
};

/// Makes an id, in the process that goes on to be one of the ranks. Ship it as bytes.
inline strettoUniqueId make_unique_id() {
  strettoUniqueId id;
  check(strettoGetUniqueId(&id));
  return id;
}

/// One rank's membership of a group of ranks. Owns the handle; the destructor destroys it and drops errors, close()
/// reports them.
class Communicator {
 public:
  Communicator() noexcept = default;
  /// Takes over a handle.
  explicit Communicator(strettoComm_t handle) noexcept : handle_(handle) {}

  /// Joins as `rank`; blocks until all ranks have come.
  Communicator(int n_ranks, const strettoUniqueId& id, int rank, const strettoConfig_t* config = nullptr) {
    check(strettoCommInitRankConfig(&handle_, n_ranks, id, rank, config));
  }

  /// All `n` ranks in this process; each is then used by a thread of its own.
  static std::vector<Communicator> all(int n, const int* devices = nullptr, const strettoConfig_t* config = nullptr) {
    std::vector<strettoComm_t> handles(n > 0 ? static_cast<std::size_t>(n) : 1U, nullptr);
    check(strettoCommInitAllConfig(handles.data(), n, devices, config));
    return std::vector<Communicator>(handles.begin(), handles.end());
  }

  /// Over the application's own all-gather: gather(const void* mine, void* all, std::size_t bytes) returns 0 on
  /// success. What it throws comes out of here.
  template <typename AllGather>
  static Communicator over_all_gather(int n_ranks, int rank, AllGather&& gather,
                                      const strettoConfig_t* config = nullptr) {
    using Call = Callable<std::remove_reference_t<AllGather>>;
    Call call{gather, nullptr};
    const auto plain = [](void* context, const void* mine, void* all, std::size_t bytes) {
      return static_cast<Call*>(context)->run([&](auto& body) { return body(mine, all, bytes); });
    };
    Communicator result;
    const strettoResult_t code = strettoCommInitCallback(&result.handle_, n_ranks, rank, plain, &call, config);
    call.rethrow();
    check(code);
    return result;
  }

  /// Over a key-value store with put(key, value, bytes) and get(key, value, bytes, timeout_ms) as
  /// strettoKeyValueStore_t has them, without the context. What they throw comes out of here.
  template <typename Store>
  static Communicator over_store(int n_ranks, int rank, Store& store, const char* name,
                                 const strettoConfig_t* config = nullptr) {
    using Call = Callable<Store>;
    Call call{store, nullptr};
    strettoKeyValueStore_t plain = STRETTO_KEY_VALUE_STORE_INITIALIZER;
    plain.context = &call;
    plain.put = [](void* context, const char* key, const void* value, std::size_t bytes) {
      return static_cast<Call*>(context)->run([&](auto& body) { return body.put(key, value, bytes); });
    };
    plain.get = [](void* context, const char* key, void* value, std::size_t bytes, int timeout_ms) {
      return static_cast<Call*>(context)->run([&](auto& body) { return body.get(key, value, bytes, timeout_ms); });
    };
    Communicator result;
    const strettoResult_t code = strettoCommInitKeyValue(&result.handle_, n_ranks, rank, &plain, name, config);
    call.rethrow();
    check(code);
    return result;
  }

  /// From the environment that the launcher set.
  static Communicator from_environment(const strettoConfig_t* config = nullptr) {
    Communicator result;
    check(strettoCommInitEnvironment(&result.handle_, config));
    return result;
  }

  /// Takes the other's handle, which is null afterwards.
  Communicator(Communicator&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  /// Destroys the own handle, then takes the other's.
  Communicator& operator=(Communicator&& other) noexcept {
    if (this != &other) {
      destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  ~Communicator() { destroy(); }

  /// Completes all work, then frees the communicator; throws what finalize or destroy reported. A library without
  /// strettoCommFinalize has nothing left to complete.
  void close() {
    if (handle_ == nullptr) return;
    const strettoResult_t finalized = strettoCommFinalize(handle_);
    if (finalized != strettoSuccess && finalized != strettoUnsupported) {
      const Exception failure = Exception::last(finalized, handle_);
      destroy();
      throw failure;
    }
    check(strettoCommDestroy(std::exchange(handle_, nullptr)));
  }

  /// For calls of the C interface; still owned here.
  strettoComm_t handle() const noexcept { return handle_; }
  /// Gives the handle up to the caller, who destroys it.
  strettoComm_t release() noexcept { return std::exchange(handle_, nullptr); }
  /// Whether there is a handle.
  explicit operator bool() const noexcept { return handle_ != nullptr; }

  /// This rank's number.
  int rank() const { return read(strettoCommUserRank); }
  /// The number of ranks.
  int size() const { return read(strettoCommCount); }
  /// As strettoCommDevice.
  int device() const { return read(strettoCommDevice); }

  /// Any thread; the handle stays until destruction.
  void abort() { check(strettoCommAbort(handle_), handle_); }
  /// The first fault, or strettoSuccess, or strettoInProgress. Any thread, never blocks.
  strettoResult_t async_error() const {
    strettoResult_t fault = strettoSuccess;
    check(strettoCommGetAsyncError(handle_, &fault), handle_);
    return fault;
  }

  /// As strettoCommSplit; with a negative color the result has no handle.
  Communicator split(int color, int key, const strettoConfig_t* config = nullptr) const {
    Communicator result;
    check(strettoCommSplit(handle_, color, key, &result.handle_, config), handle_);
    return result;
  }

  /// As strettoAllReduceConfig: for element types that C++ has no name for (half, bfloat16, fp8).
  void all_reduce(const void* send, void* receive, std::size_t count, strettoDataType_t type, strettoRedOp_t op,
                  strettoStream_t stream = nullptr, const strettoCallConfig_t* call = nullptr) const {
    check(strettoAllReduceConfig(send, receive, count, type, op, handle_, stream, call), handle_);
  }
  /// As strettoAllReduceConfig, with the type of T.
  template <typename T>
  void all_reduce(const T* send, T* receive, std::size_t count, strettoRedOp_t op = strettoSum,
                  strettoStream_t stream = nullptr, const strettoCallConfig_t* call = nullptr) const {
    all_reduce(send, receive, count, DataTypeOf<T>::value, op, stream, call);
  }
  /// In place.
  template <typename T>
  void all_reduce(T* buffer, std::size_t count, strettoRedOp_t op = strettoSum) const {
    all_reduce(buffer, buffer, count, DataTypeOf<T>::value, op);
  }

  /// As strettoAllGather, with the type of T.
  template <typename T>
  void all_gather(const T* send, T* receive, std::size_t send_count, strettoStream_t stream = nullptr) const {
    check(strettoAllGather(send, receive, send_count, DataTypeOf<T>::value, handle_, stream), handle_);
  }
  /// As strettoReduceScatter, with the type of T.
  template <typename T>
  void reduce_scatter(const T* send, T* receive, std::size_t receive_count, strettoRedOp_t op = strettoSum,
                      strettoStream_t stream = nullptr) const {
    check(strettoReduceScatter(send, receive, receive_count, DataTypeOf<T>::value, op, handle_, stream), handle_);
  }
  /// As strettoBroadcast, with the type of T.
  template <typename T>
  void broadcast(const T* send, T* receive, std::size_t count, int root, strettoStream_t stream = nullptr) const {
    check(strettoBroadcast(send, receive, count, DataTypeOf<T>::value, root, handle_, stream), handle_);
  }
  /// As strettoReduce, with the type of T; `receive` counts on the root only.
  template <typename T>
  void reduce(const T* send, T* receive, std::size_t count, int root, strettoRedOp_t op = strettoSum,
              strettoStream_t stream = nullptr) const {
    check(strettoReduce(send, receive, count, DataTypeOf<T>::value, op, root, handle_, stream), handle_);
  }
  /// As strettoGather, with the type of T; `receive` counts on the root only.
  template <typename T>
  void gather(const T* send, T* receive, std::size_t send_count, int root, strettoStream_t stream = nullptr) const {
    check(strettoGather(send, receive, send_count, DataTypeOf<T>::value, root, handle_, stream), handle_);
  }
  /// As strettoScatter, with the type of T; `send` counts on the root only.
  template <typename T>
  void scatter(const T* send, T* receive, std::size_t receive_count, int root, strettoStream_t stream = nullptr) const {
    check(strettoScatter(send, receive, receive_count, DataTypeOf<T>::value, root, handle_, stream), handle_);
  }
  /// As strettoAllToAll, with the type of T.
  template <typename T>
  void all_to_all(const T* send, T* receive, std::size_t count, strettoStream_t stream = nullptr) const {
    check(strettoAllToAll(send, receive, count, DataTypeOf<T>::value, handle_, stream), handle_);
  }
  /// As strettoAllGatherV, with the type of T.
  template <typename T>
  void all_gather_v(const T* send, T* receive, const std::size_t* receive_counts, const std::size_t* displs,
                    strettoStream_t stream = nullptr) const {
    check(strettoAllGatherV(send, receive, receive_counts, displs, DataTypeOf<T>::value, handle_, stream), handle_);
  }
  /// As strettoReduceScatterV, with the type of T.
  template <typename T>
  void reduce_scatter_v(const T* send, T* receive, const std::size_t* receive_counts, strettoRedOp_t op = strettoSum,
                        strettoStream_t stream = nullptr) const {
    check(strettoReduceScatterV(send, receive, receive_counts, DataTypeOf<T>::value, op, handle_, stream), handle_);
  }
  /// As strettoAllToAllV, with the type of T.
  template <typename T>
  void all_to_all_v(const T* send, const std::size_t* send_counts, const std::size_t* send_displs, T* receive,
                    const std::size_t* receive_counts, const std::size_t* receive_displs,
                    strettoStream_t stream = nullptr) const {
    check(strettoAllToAllV(send, send_counts, send_displs, receive, receive_counts, receive_displs,
                           DataTypeOf<T>::value, handle_, stream),
          handle_);
  }
  /// As strettoSend, with the type of T.
  template <typename T>
  void send(const T* buffer, std::size_t count, int peer, strettoStream_t stream = nullptr) const {
    check(strettoSend(buffer, count, DataTypeOf<T>::value, peer, handle_, stream), handle_);
  }
  /// As strettoRecv, with the type of T.
  template <typename T>
  void receive(T* buffer, std::size_t count, int peer, strettoStream_t stream = nullptr) const {
    check(strettoRecv(buffer, count, DataTypeOf<T>::value, peer, handle_, stream), handle_);
  }
  /// As strettoBarrier.
  void barrier(strettoStream_t stream = nullptr) const { check(strettoBarrier(handle_, stream), handle_); }

 private:
  /// A caller's functions behind the C interface, which no exception may pass: it waits here for the call to end.
  template <typename Body>
  struct Callable {
    Body& body;
    std::exception_ptr thrown;

    template <typename Use>
    int run(Use&& use) noexcept {
      try {
        return use(body);
      } catch (...) {
        thrown = std::current_exception();
        return -1;
      }
    }
    void rethrow() const {
      if (thrown) std::rethrow_exception(thrown);
    }
  };

  int read(strettoResult_t (*getter)(strettoComm_t, int*)) const {
    int value = -1;
    check(getter(handle_, &value), handle_);
    return value;
  }

  void destroy() noexcept {
    if (handle_ != nullptr) strettoCommDestroy(std::exchange(handle_, nullptr));
  }

  strettoComm_t handle_ = nullptr;
};

/// As strettoCommFinalize.
inline void finalize(const Communicator& comm) { check(strettoCommFinalize(comm.handle()), comm.handle()); }

/// The calls between construction and end() are issued as one. Destroyed without end() (by an exception), it ends the
/// group and drops the error.
class Group {
 public:
  Group() { check(strettoGroupStart()); }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group() {
    if (open_) strettoGroupEnd();
  }
  /// Issues what was kept; throws the first error of its calls.
  void end() {
    open_ = false;
    check(strettoGroupEnd());
  }

 private:
  bool open_ = true;
};

}  // namespace wrapper
}  // namespace stretto

#include "stretto/owners.hpp"  // streams, events and operations with ownership
