// What ranks can compute without a word between them: those that one launcher started, the name under which they meet
// on a host, and, from a secret that they all have, a key; those of a communicator, where they meet without it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bootstrap/launcher.hpp"
#include "bootstrap/unique_id.hpp"

namespace stretto {

/// Equal on all ranks of the job on a host, and on no other job's. It is no secret, unless there is one.
/// @param call which of the process's calls it is that starts a communicator, from 0
/// @param ancestor the launcher's own process, where that counts
/// @param secret content of STRETTO_SECRET_FILE, or empty
std::string meeting_name(const Launch& launch, std::uint64_t call, const std::string& ancestor, std::uint32_t user,
                         std::span<const std::byte> secret);

/// The key of the id of all ranks of the job, whatever host they are on. The secret itself cannot be found from it.
Key job_key(const Launch& launch, std::uint64_t call, std::span<const std::byte> secret);

/// Where those meet who are left of a communicator with this key, at the first of them.
std::string reunion_name(const Key& key, Rank host);

/// What an id that is a name holds. @param secret content of STRETTO_SECRET_FILE, or empty
Key name_digest(const std::string& name, std::span<const std::byte> secret);
/// Where a user's ranks with such an id meet.
std::string named_meeting(const Key& digest, std::uint32_t user);

/// Differs where members do.
std::uint32_t members_digest(const Key& key, const std::vector<Rank>& members);

}  // namespace stretto
