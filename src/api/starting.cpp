// The C API's ways of starting a communicator without an id in hand: an all-gather, a key-value store, a launcher.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "api/api.hpp"
#include "base/log.hpp"
#include "base/system.hpp"
#include "base/text.hpp"
#include "comm/launched.hpp"
#include "comm/starting.hpp"
#include "comm/this_machine.hpp"

namespace stretto::api {

Environment read_environment() {
  Environment environment = Environment::read();
  configure_log(environment);
  for (const std::string& warning : environment.warnings()) log(LogLevel::warn, "event=environment {}", warning);
  return environment;
}

}  // namespace stretto::api

using namespace stretto;
using namespace stretto::api;

namespace {

[[noreturn]] void throw_refusal(const char* function, const char* field, const std::string& why) {
  ErrorInfo info;
  info.code = strettoInvalidArgument;
  info.field = field;
  info.name = function;
  info.text = format("{}: {}", function, why);
  throw Error(info);
}

void check_n_ranks(const char* function, int nranks) {
  if (nranks >= 1 && nranks <= kMostRanks) return;
  throw_refusal(function, "nranks", format("nranks is {}: it must be from 1 to {}", nranks, kMostRanks));
}

void check_place(const char* function, strettoComm_t* comm, int nranks, int rank) {
  if (comm == nullptr) throw_refusal(function, "comm", "comm is NULL");
  if (rank >= 0 && rank < nranks) return;
  throw_refusal(function, "rank", format("rank is {}: it must be from 0 to {}", rank, nranks - 1));
}

/// What the call asks for, or why this rank cannot have it.
struct Prepared {
  Starter starter;
  Environment environment;
  Settings settings;
  std::int64_t start_ns = posix_system().now_ns();
};

Prepared prepare(const char* function, strettoComm_t* comm, int nranks, int rank, const strettoConfig_t* config) {
  Prepared prepared;
  prepared.starter.n_ranks = nranks;
  prepared.starter.rank = rank;
  try {
    check_place(function, comm, nranks, rank);
    prepared.environment = read_environment();
    prepared.settings = resolve_settings(config, prepared.environment);
    if (rank == 0) adopt_tuning(prepared.settings, prepared.environment);
    adopt_machine(prepared.settings, rank);
  } catch (const Error& error) {
    prepared.starter.refusal = error.info();
  }
  return prepared;
}

/// Joins with what the exchange has left of the time.
strettoResult_t join_with(Prepared& prepared, const strettoUniqueId& id, strettoComm_t* comm) {
  const std::int64_t used_ns = posix_system().now_ns() - prepared.start_ns;
  prepared.settings.setup_timeout_ns = std::max<std::int64_t>(1'000'000, prepared.settings.setup_timeout_ns - used_ns);
  return join(id, prepared.starter.n_ranks, prepared.starter.rank, prepared.settings, comm);
}

/// Where the id was made of a secret, an id that does not fit is a secret that does not.
[[noreturn]] void throw_of_secret(ErrorInfo info, const std::string& secret_file) {
  if (info.field == "id" && !secret_file.empty()) {
    info.field = "STRETTO_SECRET_FILE";
    info.text += format(
        ". The id was made of the secret in STRETTO_SECRET_FILE={}, of the job and of the number of the call: all "
        "ranks "
        "must have the same",
        secret_file);
  }
  throw Error(std::move(info));
}

void check_name(const char* function, const char* name) {
  static constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  constexpr std::size_t kLongest = 64;
  if (name == nullptr) throw_refusal(function, "name", "name is NULL");
  const std::string_view given = name;
  if (!given.empty() && given.size() <= kLongest && given.find_first_not_of(kAllowed) == std::string_view::npos) return;
  throw_refusal(
      function, "name",
      format("name is \"{}\": it must be 1 to {} of A-Z a-z 0-9 . _ -", given.substr(0, 2 * kLongest), kLongest));
}

KeyValueStore bind_store(const char* function, const strettoKeyValueStore_t* given) {
  if (given == nullptr) throw_refusal(function, "store", "store is NULL");
  strettoKeyValueStore_t store = STRETTO_KEY_VALUE_STORE_INITIALIZER;
  if (given->size < sizeof store || given->size > 4096) {
    throw_refusal(function, "size",
                  format("store->size is {}: start from STRETTO_KEY_VALUE_STORE_INITIALIZER", given->size));
  }
  std::memcpy(&store, given, sizeof store);
  if (store.put == nullptr) throw_refusal(function, "put", "store->put is NULL");
  if (store.get == nullptr) throw_refusal(function, "get", "store->get is NULL");
  return {[store](const char* key, const void* value, std::size_t bytes) {
            return store.put(store.context, key, value, bytes);
          },
          [store](const char* key, void* value, std::size_t bytes, int timeout_ms) {
            return store.get(store.context, key, value, bytes, timeout_ms);
          }};
}

}  // namespace

extern "C" {

strettoResult_t strettoCommInitCallback(strettoComm_t* comm, int nranks, int rank, strettoAllGatherFn all_gather,
                                        void* context, const strettoConfig_t* config) {
  static constexpr const char* kName = "strettoCommInitCallback";
  return spoil_group(guarded(kName, [&] {
    check_n_ranks(kName, nranks);
    if (all_gather == nullptr) throw_refusal(kName, "all_gather", "all_gather is NULL");
    Prepared prepared = prepare(kName, comm, nranks, rank, config);
    const AllGather gather = [&](const void* mine, void* all, std::size_t bytes) {
      return all_gather(context, mine, all, bytes);
    };
    return join_with(prepared, exchange_id(prepared.starter, prepared.environment, gather), comm);
  }));
}

strettoResult_t strettoCommInitKeyValue(strettoComm_t* comm, int nranks, int rank, const strettoKeyValueStore_t* store,
                                        const char* name, const strettoConfig_t* config) {
  static constexpr const char* kName = "strettoCommInitKeyValue";
  return spoil_group(guarded(kName, [&] {
    check_n_ranks(kName, nranks);
    check_name(kName, name);
    const KeyValueStore bound = bind_store(kName, store);
    Prepared prepared = prepare(kName, comm, nranks, rank, config);
    return join_with(
        prepared, exchange_id(prepared.starter, prepared.environment, bound, name, prepared.settings.setup_timeout_ns),
        comm);
  }));
}

strettoResult_t strettoCommInitEnvironment(strettoComm_t* comm, const strettoConfig_t* config) {
  static constexpr const char* kName = "strettoCommInitEnvironment";
  return spoil_group(guarded(kName, [&] {
    const std::uint64_t call = count_launch_call();
    std::string launcher;
    try {
      launcher = Environment::read().text(Knob::launcher);
    } catch (const Error&) {  // prepare meets it again, and the other ranks are to hear of it
    }
    const Launch launch = read_launch(process_variables(), launcher);
    Prepared prepared = prepare(kName, comm, launch.n_ranks, launch.rank, config);
    const strettoUniqueId id =
        id_of_launch(launch, call, prepared.environment, prepared.starter.refusal, prepared.settings.setup_timeout_ns);
    try {
      return join_with(prepared, id, comm);
    } catch (const Error& error) {
      throw_of_secret(error.info(), prepared.environment.text(Knob::secret_file));
    }
  }));
}

strettoResult_t strettoSetDefaults(const char* const* entries, size_t n_entries) {
  static constexpr const char* kName = "strettoSetDefaults";
  return guarded(kName, [&] {
    if (entries == nullptr && n_entries > 0) throw_refusal(kName, "entries", "entries is NULL");
    std::vector<std::string> given;
    for (std::size_t i = 0; i < n_entries; ++i) {
      if (entries[i] == nullptr) throw_refusal(kName, "entries", format("entries[{}] is NULL", i));
      given.emplace_back(entries[i]);
    }
    Environment::set_fallbacks(std::move(given));
    return strettoSuccess;
  });
}

}  // extern "C"
