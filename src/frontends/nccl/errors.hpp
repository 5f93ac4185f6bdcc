// Results as NCCL numbers them, and the text of the last error.
#pragma once

#include <string>

#include "frontends/nccl/include/nccl.h"
#include "stretto/stretto.h"

namespace stretto::nccl {

/// The number alone.
ncclResult_t number_of(strettoResult_t result) noexcept;
/// A call of stretto's has failed, or is under way: its text is kept.
ncclResult_t failed(strettoResult_t result) noexcept;
inline ncclResult_t translate(strettoResult_t result) noexcept {
  return __builtin_expect(result == strettoSuccess, 1) ? ncclSuccess : failed(result);
}
/// What goes wrong here rather than in the library.
ncclResult_t refuse(ncclResult_t result, std::string text) noexcept;
/// What ncclGetLastError gives.
const char* last_text() noexcept;
/// Keeps a text for ncclGetLastError: this thread's last, and the process's.
void keep_text(std::string text) noexcept;

}  // namespace stretto::nccl
