// Host streams and events of the C API.
#include "api/api.hpp"
#include "comm/call_group.hpp"
#include "comm/host_event.hpp"
#include "comm/host_stream.hpp"
#include "comm/live_handles.hpp"

using namespace stretto;
using namespace stretto::api;

namespace {

LiveHandles<HostStream>& streams() { return LiveHandles<HostStream>::of_process(); }
LiveHandles<HostEvent>& events() { return LiveHandles<HostEvent>::of_process(); }

strettoResult_t no_stream(const char* function) {
  return refuse(strettoInvalidArgument, function, "stream",
                "stream is none that strettoStreamCreate has made, or was destroyed");
}

strettoResult_t no_event(const char* function) {
  return refuse(strettoInvalidArgument, function, "event",
                "event is none that strettoEventCreate has made, or was destroyed");
}

strettoResult_t going(const char* function) {
  return refuse(strettoInvalidUsage, function, "stream",
                "stream is being destroyed, by another thread or because the process ends");
}

strettoResult_t result_of(const std::optional<ErrorInfo>& error) { return error ? remember(*error) : strettoSuccess; }

/// Runs body(stream) for a live handle.
template <typename Body>
strettoResult_t with_stream(strettoStream_t handle, const char* function, Body&& body) {
  return guarded(function, [&] {
    const std::shared_ptr<HostStream> stream = streams().find(handle);
    return stream ? body(*stream) : no_stream(function);
  });
}

template <typename Body>
strettoResult_t with_event(strettoEvent_t handle, const char* function, Body&& body) {
  return guarded(function, [&] {
    const std::shared_ptr<HostEvent> event = events().find(handle);
    return event ? body(*event) : no_event(function);
  });
}

}  // namespace

namespace stretto::api {

strettoResult_t refuse_in_host_function(const char* function) {
  if (!HostStream::in_stream_thread()) return strettoSuccess;
  return refuse(strettoInvalidUsage, function, "", "it waits, which a host function must not");
}

strettoResult_t submit(const Target& target, strettoStream_t stream, const Operation& operation, const char* function) {
  const bool in_group = CallGroup::is_open();
  if (target.device != nullptr) {
    if (!in_group) return result_of(target.device->issue(operation, stream));
    CallGroup::of_thread().add(*target.device, stream, operation);
    return strettoSuccess;
  }
  Communicator& communicator = *target.host;
  if (stream == nullptr) {
    if (const strettoResult_t result = refuse_in_host_function(function); result != strettoSuccess) return result;
  }
  if (stream == nullptr && !in_group) {
    const ErrorInfo* error = communicator.run(operation);
    return error == nullptr ? strettoSuccess : remember(*error);
  }
  std::shared_ptr<HostStream> live = stream == nullptr ? nullptr : streams().find(stream);
  if (stream != nullptr && !live) return no_stream(function);
  // Among others the longest deadline counts, so one that is the communicator's own has to be a number.
  Operation timed = operation;
  if (timed.timeout_ns == 0) timed.timeout_ns = communicator.engine().settings().data_timeout_ns;
  if (!in_group) return result_of(issue(communicator, *live, timed));
  CallGroup::of_thread().add(communicator, std::move(live), std::move(timed));
  return strettoSuccess;
}

}  // namespace stretto::api

extern "C" {

strettoResult_t strettoStreamCreate(strettoStream_t* stream) {
  static constexpr const char* kName = "strettoStreamCreate";
  return guarded(kName, [&] {
    if (stream == nullptr) return refuse(strettoInvalidArgument, kName, "stream", "stream is NULL");
    *stream = reinterpret_cast<strettoStream_t>(streams().add(HostStream::make()));
    return strettoSuccess;
  });
}

strettoResult_t strettoStreamDestroy(strettoStream_t stream) {
  static constexpr const char* kName = "strettoStreamDestroy";
  return guarded(kName, [&] {
    if (stream == nullptr) return strettoSuccess;
    if (const strettoResult_t result = refuse_in_host_function(kName); result != strettoSuccess) return result;
    const std::shared_ptr<HostStream> taken = streams().take(stream);
    if (!taken) return no_stream(kName);
    taken->close();
    return strettoSuccess;
  });
}

strettoResult_t strettoStreamSynchronize(strettoStream_t stream) {
  static constexpr const char* kName = "strettoStreamSynchronize";
  return with_stream(stream, kName, [&](HostStream& live) {
    if (const strettoResult_t result = refuse_in_host_function(kName); result != strettoSuccess) return result;
    return result_of(live.synchronize());
  });
}

strettoResult_t strettoStreamQuery(strettoStream_t stream) {
  return with_stream(stream, "strettoStreamQuery", [](HostStream& live) {
    const std::optional<ErrorInfo> state = live.query();
    return state && state->code == strettoInProgress ? strettoInProgress : result_of(state);
  });
}

strettoResult_t strettoStreamWaitEvent(strettoStream_t stream, strettoEvent_t event) {
  static constexpr const char* kName = "strettoStreamWaitEvent";
  return with_stream(stream, kName, [&](HostStream& live) {
    return with_event(event, kName, [&](HostEvent& of) {
      const std::shared_ptr<EventRecord> record = of.latest();
      if (!record || record->reached()) return strettoSuccess;
      return enqueue_wait(live, record) ? strettoSuccess : going(kName);
    });
  });
}

strettoResult_t strettoStreamLaunchHostFunc(strettoStream_t stream, void (*fn)(void* context), void* context) {
  static constexpr const char* kName = "strettoStreamLaunchHostFunc";
  return with_stream(stream, kName, [&](HostStream& live) {
    if (fn == nullptr) return refuse(strettoInvalidArgument, kName, "fn", "fn is NULL");
    return enqueue_function(live, fn, context) ? strettoSuccess : going(kName);
  });
}

strettoResult_t strettoEventCreate(strettoEvent_t* event) {
  static constexpr const char* kName = "strettoEventCreate";
  return guarded(kName, [&] {
    if (event == nullptr) return refuse(strettoInvalidArgument, kName, "event", "event is NULL");
    *event = reinterpret_cast<strettoEvent_t>(events().add(std::make_shared<HostEvent>()));
    return strettoSuccess;
  });
}

strettoResult_t strettoEventDestroy(strettoEvent_t event) {
  static constexpr const char* kName = "strettoEventDestroy";
  return guarded(kName, [&] { return event == nullptr || events().take(event) ? strettoSuccess : no_event(kName); });
}

strettoResult_t strettoEventRecord(strettoEvent_t event, strettoStream_t stream) {
  static constexpr const char* kName = "strettoEventRecord";
  return with_event(event, kName, [&](HostEvent& of) {
    return with_stream(stream, kName,
                       [&](HostStream& live) { return of.record(live) ? strettoSuccess : going(kName); });
  });
}

strettoResult_t strettoEventSynchronize(strettoEvent_t event) {
  static constexpr const char* kName = "strettoEventSynchronize";
  return with_event(event, kName, [&](HostEvent& of) {
    if (const strettoResult_t result = refuse_in_host_function(kName); result != strettoSuccess) return result;
    if (const std::shared_ptr<EventRecord> record = of.latest()) record->wait();
    return strettoSuccess;
  });
}

strettoResult_t strettoEventQuery(strettoEvent_t event) {
  return with_event(event, "strettoEventQuery", [](HostEvent& of) {
    const std::shared_ptr<EventRecord> record = of.latest();
    return !record || record->reached() ? strettoSuccess : strettoInProgress;
  });
}

strettoResult_t strettoEventElapsedTime(float* ms, strettoEvent_t start, strettoEvent_t stop) {
  static constexpr const char* kName = "strettoEventElapsedTime";
  return with_event(start, kName, [&](HostEvent& first) {
    return with_event(stop, kName, [&](HostEvent& second) {
      if (ms == nullptr) return refuse(strettoInvalidArgument, kName, "ms", "ms is NULL");
      const std::shared_ptr<EventRecord> from = first.latest();
      const std::shared_ptr<EventRecord> to = second.latest();
      if (!from || !to) return refuse(strettoInvalidUsage, kName, "event", "an event that was never recorded");
      if (!from->reached() || !to->reached()) return strettoInProgress;
      *ms = static_cast<float>(static_cast<double>(to->at_ns() - from->at_ns()) * 1e-6);
      return strettoSuccess;
    });
  });
}

}  // extern "C"
