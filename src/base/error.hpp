// Errors: one exception type for set-up, one value type for asynchronous faults; both carry the same fields.
// Translation to C codes and text lives in src/api; nothing here logs.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include "stretto/stretto.h"

namespace stretto {

using Rank = int;

/// The fields of strettoErrorInfo_t as a value. -1 and "" mean: does not apply.
struct ErrorInfo {
  strettoResult_t code = strettoInternalError;
  std::string text;  ///< what happened, where, and what to do
  std::string field;
  std::string name;
  std::string host;
  Rank rank = -1;
  Rank peer = -1;
  std::int64_t operation = -1;
  std::int32_t step = -1;
};

/// Thrown by set-up code. Operations under way never throw: they end in a Fault (an ErrorInfo in the first-fault slot).
class Error : public std::exception {
 public:
  explicit Error(ErrorInfo info) : info_(std::move(info)) {}
  /// @param field the argument or setting at fault, if one is
  Error(strettoResult_t code, std::string text, std::string field = {}) {
    info_.code = code, info_.text = std::move(text), info_.field = std::move(field);
  }

  const char* what() const noexcept override { return info_.text.c_str(); }
  const ErrorInfo& info() const noexcept { return info_; }

 private:
  ErrorInfo info_;
};

/// Aborts with file, line and text: for bugs only. On in every build.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace stretto

#define STRETTO_ASSERT(condition) \
  (static_cast<bool>(condition) ? void(0) : ::stretto::assertion_failed(#condition, __FILE__, __LINE__))
