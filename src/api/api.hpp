// What the C entry points share: the handle, this thread's last error, and the translation of exceptions into codes.
#pragma once

#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/environment.hpp"
#include "comm/participant.hpp"
#include "stretto/stretto.h"

/// The handle behind strettoComm_t.
struct strettoComm {
  std::unique_ptr<stretto::Participant> participant;
};

namespace stretto::api {

/// Remembers an error for strettoGetLastError and returns its code.
strettoResult_t remember(const ErrorInfo& info);
/// This thread's last error.
const ErrorInfo& error_of_thread();
strettoResult_t refuse(strettoResult_t code, const char* function, const char* field, std::string text);
/// The bounds on what a caller may ask for.
constexpr int kMostRanks = 1 << 15;  // pairs of ranks are numbered with 32 bits

/// Reads the environment, and applies what it says of logging.
Environment read_environment();

/// strettoSuccess if the handle is one, and this process's.
strettoResult_t check_handle(strettoComm_t comm, const char* function);
/// The communicator behind a handle, for operations: of host memory or of a device.
struct Target {
  Communicator* host = nullptr;
  DeviceCommunicator* device = nullptr;
  int n_ranks = 1;
  Rank rank = 0;
  UserOps* user_ops = nullptr;
};
/// Throws Error: NULL, in set-up, finalized, or set-up has failed.
Target target_of(strettoComm_t comm, const char* function);

/// Gives out handles for participants whose set-up has begun: when it is complete, or at once (strettoInProgress) if
/// they are not to block. A fault of `parent` ends the wait. Throws Error.
strettoResult_t hand_out(std::vector<std::unique_ptr<Participant>> participants, strettoComm_t* comms,
                         const Participant* parent = nullptr);
/// The same for one; in a group at the group's end.
strettoResult_t hand_out_one(std::unique_ptr<Participant> participant, strettoComm_t* comm);
/// One rank's set-up, from its id to its handle.
strettoResult_t join(const strettoUniqueId& id, int n_ranks, Rank rank, const Settings& settings, strettoComm_t* comm);

/// strettoSuccess, unless the calling thread is a stream's and the function would wait in it.
strettoResult_t refuse_in_host_function(const char* function);
/// Runs a checked operation, or hands it to its stream or to the open group.
strettoResult_t submit(const Target& target, strettoStream_t stream, const Operation& operation, const char* function);
/// Keeps a set-up that has begun in a group until the group's end.
void defer(std::unique_ptr<Participant> participant, strettoComm_t* comm);
/// What a call returns: an error in an open group spoils that.
strettoResult_t spoil_group(strettoResult_t result);

/// Runs `body` (returning strettoResult_t) and turns whatever it throws into a remembered error.
template <typename Body>
strettoResult_t guarded(const char* function, Body&& body) noexcept {
  try {
    return std::forward<Body>(body)();
  } catch (const Error& error) {
    return remember(error.info());
  } catch (const std::bad_alloc&) {
    return refuse(strettoSystemError, function, "memory", "out of memory: free some, or use fewer or smaller buffers");
  } catch (const std::exception& error) {
    return refuse(strettoInternalError, function, "", error.what());
  }
}

}  // namespace stretto::api
