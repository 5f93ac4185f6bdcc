// What both kinds of foreign plans have in common: they are read into a form of their own, and replayed into a
// recorder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "foreign/recorder.hpp"

namespace stretto::foreign {

/// A file that was read and understood.
class Source {
 public:
  virtual ~Source() = default;
  virtual const Shape& shape() const = 0;
  virtual const std::string& name() const = 0;  ///< that its author gave it
  virtual std::string_view format() const = 0;  ///< "MSCCL", "MSCCL++"
  /// Carries the plan out in one order. Throws Error: it reads what was not written, or none of its steps can go on.
  virtual Recording replay(bool by_copies) const = 0;
};

/// Each throws Error(strettoInvalidArgument) that names file, place, reason and what to do.
std::unique_ptr<Source> read_msccl_xml(std::string_view text, std::string_view file_name);
std::unique_ptr<Source> read_mscclpp_json(std::string_view text, std::string_view file_name);

inline constexpr std::int32_t kMostSteps = 1 << 20;  ///< of all ranks
inline constexpr std::int32_t kMostBlocks = 1024;    ///< threadblocks of a rank
/// Times that a threadblock may be looked at in vain.
inline constexpr std::int64_t kMostLooks = std::int64_t{1} << 26;

}  // namespace stretto::foreign
