// What ranks that one launcher started can compute without a word between them: the name under which they meet on a
// host, and, from a secret that they all have, a key.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "bootstrap/launcher.hpp"
#include "bootstrap/unique_id.hpp"

namespace stretto {

/// Which of a process's calls it is that starts a communicator.
struct LaunchCall {
  std::uint64_t number = 0;      ///< from 0
  std::uint32_t generation = 0;  ///< of forks since the library was first used
};

/// Equal on all ranks of the job on a host, and on no other job's. It is no secret, unless there is one.
/// @param ancestor the launcher's own process, where that counts
/// @param secret content of STRETTO_SECRET_FILE, or empty
std::string meeting_name(const Launch& launch, const LaunchCall& call, const std::string& ancestor, std::uint32_t user,
                         std::span<const std::byte> secret);

/// The key of the id of all ranks of the job, whatever host they are on. The secret itself cannot be found from it.
Key job_key(const Launch& launch, const LaunchCall& call, std::span<const std::byte> secret);

}  // namespace stretto
