// Starts the local processes of a run and answers for them: when one fails, or this process is told to stop, or dies,
// none of the others is left behind. The parent is no rank: it only passes the unique id on and waits.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "perf/common/options.hpp"

namespace stretto::perf {

/// Bytes that process 0 sends to each of the others, by pipes that only they hold: an id is a secret, and command
/// lines and environments can be read.
inline constexpr std::size_t kMessageBytes = STRETTO_UNIQUE_ID_BYTES;

/// Runs this executable `processes` times with `arguments` and a ChildSlot each. Returns when all have ended: 0 if all
/// ended with 0, else the exit code of the first that did not (128 + signal if it was killed, or if this process was
/// asked to stop by SIGINT, SIGTERM or SIGHUP). A failure leaves the others `grace_ms` to report what they saw of it.
int launch(int processes, const std::vector<std::string>& arguments, int grace_ms = 3000);

/// In process 0: hands the message to the others.
void send_message(const ChildSlot& child, const char* message);
/// In the others: waits for it. Throws std::system_error if the launcher is gone.
void receive_message(const ChildSlot& child, char* message);

}  // namespace stretto::perf
