// How ranks come by one id: rank 0 listens, and the application's own channel (an all-gather, a key-value store) takes
// the id to the others, or the reason why there is none.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "stretto/stretto.h"

namespace stretto {

/// Listens where the environment says, else on the loopback, and returns the id. Throws Error.
strettoUniqueId listen_for_ranks(const Environment& environment);

/// One rank's side of an exchange.
struct Starter {
  int n_ranks = 1;
  Rank rank = 0;
  /// Why this rank cannot take part; it takes part in the exchange, so that the others hear of it.
  std::optional<ErrorInfo> refusal;
};

/// Gathers `bytes` of every rank; 0 on success.
using AllGather = std::function<int(const void* mine, void* all, std::size_t bytes)>;

/// The id of rank 0, after all ranks have shown that they mean the same communicator. Throws Error, on every rank, if
/// one cannot take part.
strettoUniqueId exchange_id(const Starter& starter, const Environment& environment, const AllGather& all_gather);

struct KeyValueStore {
  std::function<int(const char* key, const void* value, std::size_t bytes)> put;
  std::function<int(const char* key, void* value, std::size_t bytes, int timeout_ms)> get;
};

/// The same by a store: rank 0 puts the id, or why there is none, under a key made of `name`. What else the ranks may
/// disagree on shows when they meet.
strettoUniqueId exchange_id(const Starter& starter, const Environment& environment, const KeyValueStore& store,
                            const std::string& name, std::int64_t timeout_ns);

}  // namespace stretto
