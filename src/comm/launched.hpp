// How ranks that a launcher started come by one id: on one host they meet (bootstrap/meeting.hpp), across hosts they
// compute it from the secret that STRETTO_SECRET_FILE holds.
#pragma once

#include <cstdint>
#include <optional>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "bootstrap/job_key.hpp"
#include "bootstrap/launcher.hpp"
#include "stretto/stretto.h"

namespace stretto {

/// The number of the call, from 0. To be called once by each call that starts a communicator from the environment,
/// whatever becomes of it.
std::uint64_t count_launch_call();

/// The id of the job's `call`-th communicator. Blocks until all ranks of this host have come, at most `timeout_ns`.
/// @param refusal why this rank cannot take part: thrown, after the others have been told, as far as they are there
/// Throws Error.
strettoUniqueId id_of_launch(const Launch& launch, std::uint64_t call, const Environment& environment,
                             const std::optional<ErrorInfo>& refusal, std::int64_t timeout_ns);

}  // namespace stretto
