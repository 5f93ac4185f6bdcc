#include <cstring>
#include <mutex>
#include <utility>

#include "base/fork.hpp"
#include "frontends/nccl/entry.hpp"

namespace stretto::nccl {
namespace {

thread_local std::string text_of_thread;
thread_local std::string text_shown;

/// NCCL's last error is the process's: a thread that watches others asks for what they met.
struct LastOfProcess {
  std::mutex mutex;
  std::string text;
};
PerProcess<LastOfProcess> last;
LastOfProcess& last_of_process() { return last.get(); }

}  // namespace

ncclResult_t number_of(strettoResult_t result) noexcept {
  static_assert(static_cast<int>(strettoTimeout) == static_cast<int>(ncclTimeout));
  if (result >= strettoSuccess && result <= strettoTimeout) return static_cast<ncclResult_t>(result);
  // Aborted: by this process itself, so that the call is not allowed any more. Unsupported: as for what is not served.
  return result == strettoAborted || result == strettoUnsupported ? ncclInvalidUsage : ncclInternalError;
}

ncclResult_t failed(strettoResult_t result) noexcept {
  if (result == strettoInProgress) return ncclInProgress;
  strettoErrorInfo_t info = STRETTO_ERROR_INFO_INITIALIZER;
  strettoGetErrorInfo(nullptr, &info);
  keep_text(info.text);
  // Where no device can be used NCCL meets an error of CUDA's.
  if (result == strettoUnsupported && std::strcmp(info.field, "device") == 0) return ncclUnhandledCudaError;
  return number_of(result);
}

void keep_text(std::string text) noexcept {
  try {
    LastOfProcess& last = last_of_process();
    {
      const std::lock_guard lock(last.mutex);
      last.text = text;
    }
    text_of_thread = std::move(text);
  } catch (const std::bad_alloc&) {  // then without a text
  }
}

ncclResult_t refuse(ncclResult_t result, std::string text) noexcept {
  keep_text(std::move(text));
  return result;
}

const char* last_text() noexcept {
  if (!text_of_thread.empty()) return text_of_thread.c_str();
  try {
    LastOfProcess& last = last_of_process();
    const std::lock_guard lock(last.mutex);
    text_shown = last.text;
  } catch (const std::bad_alloc&) {
    return "";
  }
  return text_shown.c_str();
}

}  // namespace stretto::nccl

using namespace stretto::nccl;

STRETTO_NCCL_ENTRY(const char*, ncclGetErrorString, (ncclResult_t result)) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclUnhandledCudaError:
      return "a CUDA call failed (ncclGetLastError has the text)";
    case ncclSystemError:
      return "the operating system refused something (ncclGetLastError has the text)";
    case ncclInternalError:
      return "internal error of stretto (ncclGetLastError has the text)";
    case ncclInvalidArgument:
      return "invalid argument (ncclGetLastError has the text)";
    case ncclInvalidUsage:
      return "invalid usage (ncclGetLastError has the text)";
    case ncclRemoteError:
      return "another rank failed or left (ncclGetLastError has the text)";
    case ncclInProgress:
      return "in progress";
    case ncclTimeout:
      return "a deadline passed (ncclGetLastError has the text)";
    case ncclNumResults:
      break;
  }
  return "unknown result code";
}

/// As NCCL's, it does not look at the communicator, which may be gone.
STRETTO_NCCL_ENTRY(const char*, ncclGetLastError, (ncclComm_t)) { return last_text(); }
