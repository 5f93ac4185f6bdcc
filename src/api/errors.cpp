// Errors and version of the C API.
#include <algorithm>
#include <cstring>

#include "api/api.hpp"
#include "base/datatypes.hpp"
#include "base/text.hpp"

namespace stretto::api {
namespace {

thread_local ErrorInfo last_error{strettoSuccess, "", "", "", "", -1, -1, -1, -1};
thread_local std::string last_text;

const ErrorInfo& current(strettoComm_t comm) {
  if (comm != nullptr && comm->participant->of_this_process()) {
    if (const ErrorInfo* fault = comm->participant->fault(); fault != nullptr) return *fault;
  }
  return last_error;
}

template <std::size_t N>
void copy_text(char (&to)[N], const std::string& from) {
  const std::size_t length = std::min(from.size(), N - 1);
  std::memcpy(to, from.data(), length);
  to[length] = '\0';
}

}  // namespace

strettoResult_t remember(const ErrorInfo& info) {
  last_error = info;
  return info.code;
}

const ErrorInfo& error_of_thread() { return last_error; }

strettoResult_t refuse(strettoResult_t code, const char* function, const char* field, std::string text) {
  ErrorInfo info;
  info.code = code;
  info.field = field;
  info.name = function;
  info.text = format("{}: {}", function, text);
  return remember(info);
}

strettoResult_t check_handle(strettoComm_t comm, const char* function) {
  if (comm == nullptr) {
    return refuse(strettoInvalidArgument, function, "comm", "comm is NULL: make one with strettoCommInitRank first");
  }
  if (!comm->participant->of_this_process()) {
    return refuse(strettoInvalidUsage, function, "comm",
                  format("comm was made before fork, in process {}: it stays that process's; a child makes its own",
                         comm->participant->process()));
  }
  return strettoSuccess;
}

Target target_of(strettoComm_t comm, const char* function) {
  if (check_handle(comm, function) != strettoSuccess) throw Error(last_error);
  Participant& participant = *comm->participant;
  Target target;
  target.n_ranks = participant.n_ranks();
  target.rank = participant.rank();
  if (participant.on_device()) {
    target.device = &participant.device_communicator();
    target.user_ops = &target.device->user_ops();
  } else {
    target.host = &participant.communicator();
    target.user_ops = &target.host->user_ops();
  }
  return target;
}

}  // namespace stretto::api

using namespace stretto::api;

extern "C" {

strettoResult_t strettoGetVersion(int* version) {
  if (version == nullptr) return refuse(strettoInvalidArgument, "strettoGetVersion", "version", "version is NULL");
  *version = STRETTO_VERSION;
  return strettoSuccess;
}

const char* strettoGetErrorString(strettoResult_t result) {
  switch (result) {
    case strettoSuccess:
      return "success";
    case strettoCudaError:
      return "a CUDA call failed";
    case strettoSystemError:
      return "the operating system refused something";
    case strettoInternalError:
      return "internal error";
    case strettoInvalidArgument:
      return "invalid argument";
    case strettoInvalidUsage:
      return "invalid usage";
    case strettoRemoteError:
      return "another rank failed or left";
    case strettoInProgress:
      return "in progress";
    case strettoTimeout:
      return "a deadline passed";
    case strettoAborted:
      return "aborted";
    case strettoUnsupported:
      return "not supported by this build or release";
    case strettoNumResults:
      break;
  }
  return "unknown result code";
}

const char* strettoGetLastError(strettoComm_t comm) {
  last_text = current(comm).text;
  return last_text.c_str();
}

strettoResult_t strettoGetErrorInfo(strettoComm_t comm, strettoErrorInfo_t* info) {
  if (info == nullptr) return refuse(strettoInvalidArgument, "strettoGetErrorInfo", "info", "info is NULL");
  if (info->size < offsetof(strettoErrorInfo_t, host)) {
    return refuse(strettoInvalidArgument, "strettoGetErrorInfo", "size",
                  "info->size is too small: start from STRETTO_ERROR_INFO_INITIALIZER");
  }
  const stretto::ErrorInfo& error = current(comm);
  strettoErrorInfo_t full{};
  full.size = info->size;
  full.code = error.code;
  full.rank = error.rank;
  full.peer = error.peer;
  full.operation = error.operation;
  full.step = error.step;
  copy_text(full.host, error.host);
  copy_text(full.field, error.field);
  copy_text(full.name, error.name);
  copy_text(full.text, error.text);
  std::memcpy(info, &full, std::min(info->size, sizeof full));
  return strettoSuccess;
}

size_t strettoDataTypeSize(strettoDataType_t datatype) { return stretto::data_type_bytes(datatype); }

}  // extern "C"
