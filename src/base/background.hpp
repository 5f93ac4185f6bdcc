// What may take long and nobody waits for, done by a thread of its own: giving back what the driver takes only when a
// device is at rest, say.
#pragma once

#include <cstdint>
#include <functional>

namespace stretto {

/// In the order of the calls, after this returns; of all threads of the process. Must not throw. Without a thread (the
/// system gives none, or the process is ending) it is done here and now.
void do_in_background(std::function<void()> action);

/// Until all that was asked for is done. False: it is not yet.
bool wait_for_background(std::int64_t timeout_ns);

}  // namespace stretto
