// Where a rank comes by the id of a communicator that it is to be a member of, while its set-up is under way.
#pragma once

#include <cstdint>
#include <optional>

#include "base/system.hpp"
#include "stretto/stretto.h"

namespace stretto {

/// A non-blocking state machine.
class IdSource {
 public:
  virtual ~IdSource() = default;
  /// The id when it is known. Throws Error: there is none.
  virtual std::optional<strettoUniqueId> poll() = 0;
  /// Whether other ranks would notice if this one went.
  virtual bool is_known() const = 0;
  virtual void watch(WaitSet& waits) = 0;
  virtual std::int64_t next_deadline_ns() const = 0;
};

}  // namespace stretto
