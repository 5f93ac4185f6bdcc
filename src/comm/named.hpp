// Ids that are names: every rank makes the id by itself, without a message, and the ranks meet on their host as those
// do that a launcher started (bootstrap/meeting.hpp), while their set-up is under way. All are the same user's.
#pragma once

#include <memory>
#include <string>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "bootstrap/unique_id.hpp"
#include "comm/id_source.hpp"
#include "comm/settings.hpp"

namespace stretto {

/// With the secret of STRETTO_SECRET_FILE, where there is one. Throws Error.
strettoUniqueId id_of_name(const std::string& name, const Environment& environment);

/// Of two ranks or more. Throws Error.
std::unique_ptr<IdSource> meet_by_name(const Key& digest, int n_ranks, Rank rank, const Settings& settings);

}  // namespace stretto
