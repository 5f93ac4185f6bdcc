// Communicators of the C API: making, asking, ending.
#include <algorithm>
#include <cstring>
#include <span>

#include "api/api.hpp"
#include "base/text.hpp"
#include "comm/call_group.hpp"
#include "comm/named.hpp"
#include "comm/rendezvous_task.hpp"
#include "comm/shrink.hpp"
#include "comm/split.hpp"
#include "comm/starting.hpp"
#include "comm/this_machine.hpp"

using namespace stretto;
using namespace stretto::api;

namespace {

template <typename Out>
strettoResult_t get(strettoComm_t comm, Out* out, const char* function, const char* field,
                    Out value(const Participant&)) {
  if (const strettoResult_t result = check_handle(comm, function); result != strettoSuccess) return result;
  if (out == nullptr) return refuse(strettoInvalidArgument, function, field, format("{} is NULL", field));
  *out = value(*comm->participant);
  return strettoSuccess;
}

/// The ranks that stay. Throws Error naming the argument.
std::vector<Rank> those_left(const Participant& parent, const int* exclude, int n_exclude, const char* function) {
  const auto refuse_with = [&](const char* field, const std::string& why) {
    ErrorInfo info;
    info.code = strettoInvalidArgument;
    info.rank = parent.rank();
    info.field = field;
    info.name = "shrink";
    info.text = format("{}: {}", function, why);
    throw Error(info);
  };
  if (n_exclude < 0) refuse_with("n_exclude", format("n_exclude is {}: it must not be negative", n_exclude));
  if (n_exclude > 0 && exclude == nullptr) refuse_with("exclude", "exclude is NULL");
  std::vector<bool> stays(static_cast<std::size_t>(parent.n_ranks()), true);
  for (int i = 0; i < n_exclude; ++i) {
    if (exclude[i] < 0 || exclude[i] >= parent.n_ranks()) {
      refuse_with("exclude", format("exclude[{}] is {}: it must be from 0 to {}", i, exclude[i], parent.n_ranks() - 1));
    }
    if (exclude[i] == parent.rank()) {
      refuse_with("exclude", format("exclude[{}] is {}, this rank itself: only ranks that stay call", i, exclude[i]));
    }
    stays[static_cast<std::size_t>(exclude[i])] = false;
  }
  std::vector<Rank> left;
  for (Rank rank = 0; rank < parent.n_ranks(); ++rank) {
    if (stays[static_cast<std::size_t>(rank)]) left.push_back(rank);
  }
  return left;
}

/// Of a communicator that is made of the ranks of another one. What a config leaves open is the environment's, but for
/// the device, which is the parent's.
Settings child_settings(Participant& parent, const strettoConfig_t* config, const Environment& environment) {
  Settings inherited = inherited_settings(parent);
  if (config == nullptr) return inherited;
  Settings settings = resolve_settings(config, environment);
  settings.constants = inherited.constants;
  settings.constants_source = inherited.constants_source;
  settings.machine = inherited.machine;
  if (!names_device(*config)) settings.gpu = inherited.gpu;
  return settings;
}

strettoResult_t init_rank(const char* function, strettoComm_t* comm, int nranks, const strettoUniqueId& id, int rank,
                          const strettoConfig_t* config) {
  if (comm == nullptr) return refuse(strettoInvalidArgument, function, "comm", "comm is NULL");
  if (nranks < 1 || nranks > kMostRanks) {
    return refuse(strettoInvalidArgument, function, "nranks",
                  format("nranks is {}: it must be from 1 to {}", nranks, kMostRanks));
  }
  if (rank < 0 || rank >= nranks) {
    return refuse(strettoInvalidArgument, function, "rank",
                  format("rank is {}: it must be from 0 to {}", rank, nranks - 1));
  }
  const Environment environment = read_environment();
  Settings settings = resolve_settings(config, environment);
  if (rank == 0) adopt_tuning(settings, environment);
  adopt_machine(settings, rank);
  return join(id, nranks, rank, settings, comm);
}

}  // namespace

namespace stretto::api {

strettoResult_t hand_out(std::vector<std::unique_ptr<Participant>> participants, strettoComm_t* comms,
                         const Participant* parent) {
  const bool blocking = participants.front()->settings().blocking;
  if (blocking) Participant::await(participants, parent);
  std::vector<std::unique_ptr<strettoComm>> handles;
  for (auto& participant : participants) {
    handles.push_back(std::make_unique<strettoComm>(strettoComm{std::move(participant)}));
  }
  for (std::size_t i = 0; i < handles.size(); ++i) comms[i] = handles[i].release();
  return blocking ? strettoSuccess : strettoInProgress;
}

strettoResult_t join(const strettoUniqueId& id, int n_ranks, Rank rank, const Settings& settings, strettoComm_t* comm) {
  return hand_out_one(Participant::begin(id, n_ranks, rank, settings), comm);
}

strettoResult_t hand_out_one(std::unique_ptr<Participant> participant, strettoComm_t* comm) {
  if (participant->settings().blocking && CallGroup::is_open()) {
    defer(std::move(participant), comm);
    return strettoSuccess;
  }
  std::vector<std::unique_ptr<Participant>> participants;
  participants.push_back(std::move(participant));
  return hand_out(std::move(participants), comm);
}

}  // namespace stretto::api

extern "C" {

strettoResult_t strettoGetUniqueId(strettoUniqueId* id) {
  return guarded("strettoGetUniqueId", [&] {
    if (id == nullptr) return refuse(strettoInvalidArgument, "strettoGetUniqueId", "id", "id is NULL");
    *id = listen_for_ranks(read_environment());
    return strettoSuccess;
  });
}

strettoResult_t strettoGetNamedId(const char* name, strettoUniqueId* id) {
  static constexpr const char* kName = "strettoGetNamedId";
  return guarded(kName, [&] {
    if (id == nullptr) return refuse(strettoInvalidArgument, kName, "id", "id is NULL");
    if (name == nullptr || *name == '\0') {
      return refuse(strettoInvalidArgument, kName, "name", "name is NULL, or has no character");
    }
    *id = id_of_name(name, read_environment());
    return strettoSuccess;
  });
}

strettoResult_t strettoCommInitRankConfig(strettoComm_t* comm, int nranks, strettoUniqueId id, int rank,
                                          const strettoConfig_t* config) {
  static constexpr const char* kName = "strettoCommInitRank";
  return spoil_group(guarded(kName, [&] { return init_rank(kName, comm, nranks, id, rank, config); }));
}

strettoResult_t strettoCommInitRankScalable(strettoComm_t* comm, int nranks, int rank, int n_ids,
                                            const strettoUniqueId* ids, const strettoConfig_t* config) {
  static constexpr const char* kName = "strettoCommInitRankScalable";
  return spoil_group(guarded(kName, [&] {
    if (ids == nullptr) return refuse(strettoInvalidArgument, kName, "ids", "ids is NULL");
    if (n_ids < 1 || n_ids > std::max(nranks, 1)) {
      return refuse(strettoInvalidArgument, kName, "n_ids",
                    format("n_ids is {}: it must be from 1 to the number of ranks", n_ids));
    }
    for (int i = 1; i < n_ids; ++i) {
      if (std::memcmp(&ids[i], &ids[0], sizeof ids[0]) != 0) end_rendezvous(ids[i]);
    }
    return init_rank(kName, comm, nranks, ids[0], rank, config);
  }));
}

strettoResult_t strettoCommInitRank(strettoComm_t* comm, int nranks, strettoUniqueId id, int rank) {
  return strettoCommInitRankConfig(comm, nranks, id, rank, nullptr);
}

strettoResult_t strettoCommInitAllConfig(strettoComm_t* comms, int n, const int* devices,
                                         const strettoConfig_t* config) {
  static constexpr const char* kName = "strettoCommInitAll";
  return guarded(kName, [&] {
    if (comms == nullptr) return refuse(strettoInvalidArgument, kName, "comms", "comms is NULL");
    if (n < 1 || n > kMostRanks) {
      return refuse(strettoInvalidArgument, kName, "n", format("n is {}: it must be from 1 to {}", n, kMostRanks));
    }
    const Environment environment = read_environment();
    std::vector<Settings> settings(static_cast<std::size_t>(n), resolve_settings(config, environment));
    adopt_tuning(settings.front(), environment);
    adopt_machine(settings.front(), 0);
    for (Settings& each : settings) each.machine = settings.front().machine;  // one process, one machine
    for (int i = 0; devices != nullptr && i < n; ++i) {
      settings[static_cast<std::size_t>(i)].gpu = resolve_device(devices[i]);
    }
    return hand_out(Participant::begin_all(settings), comms);
  });
}

strettoResult_t strettoCommInitAll(strettoComm_t* comms, int n, const int* devices) {
  return strettoCommInitAllConfig(comms, n, devices, nullptr);
}

strettoResult_t strettoCommSplit(strettoComm_t comm, int color, int key, strettoComm_t* newcomm,
                                 const strettoConfig_t* config) {
  static constexpr const char* kName = "strettoCommSplit";
  return guarded(kName, [&] {
    strettoResult_t result = refuse_in_host_function(kName);
    if (result == strettoSuccess) result = check_handle(comm, kName);
    if (result != strettoSuccess) return result;
    comm->participant->lifecycle();  // refuses what is none yet, or no more
    // What is wrong with the other arguments does not keep this rank from the split: the others would wait for it.
    SplitWish wish{color, key, {}, {}};
    Environment environment;
    try {
      if (newcomm == nullptr) throw Error(strettoInvalidArgument, "strettoCommSplit: newcomm is NULL", "newcomm");
      environment = read_environment();
      wish.settings = child_settings(*comm->participant, config, environment);
    } catch (const Error& error) {
      wish.refusal = error.info();
    }
    std::vector<std::unique_ptr<Participant>> participants;
    participants.push_back(split(*comm->participant, wish, environment));
    if (participants.front() != nullptr) return hand_out(std::move(participants), newcomm, comm->participant.get());
    *newcomm = nullptr;
    return strettoSuccess;
  });
}

strettoResult_t strettoCommShrink(strettoComm_t comm, const int* exclude, int n_exclude, strettoComm_t* newcomm,
                                  const strettoConfig_t* config) {
  static constexpr const char* kName = "strettoCommShrink";
  return spoil_group(guarded(kName, [&] {
    strettoResult_t result = check_handle(comm, kName);
    if (result == strettoSuccess) result = refuse_in_host_function(kName);
    if (result != strettoSuccess) return result;
    Participant& parent = *comm->participant;
    parent.lifecycle();  // refuses what never was one, or has ended
    ShrinkWish wish{those_left(parent, exclude, n_exclude, kName), inherited_settings(parent), {}};
    try {
      if (newcomm == nullptr) throw Error(strettoInvalidArgument, "strettoCommShrink: newcomm is NULL", "newcomm");
      wish.settings = child_settings(parent, config, read_environment());
    } catch (const Error& error) {
      wish.refusal = error.info();
    }
    return hand_out_one(shrink(parent, wish), newcomm);
  }));
}

strettoResult_t strettoCommDestroy(strettoComm_t comm) {
  return guarded("strettoCommDestroy", [&] {
    if (comm == nullptr) return strettoSuccess;
    strettoResult_t result = check_handle(comm, "strettoCommDestroy");
    if (result == strettoSuccess) result = refuse_in_host_function("strettoCommDestroy");
    if (result != strettoSuccess) return result;
    delete comm;
    return strettoSuccess;
  });
}

strettoResult_t strettoCommFinalize(strettoComm_t comm) {
  return guarded("strettoCommFinalize", [&] {
    strettoResult_t result = check_handle(comm, "strettoCommFinalize");
    if (result == strettoSuccess) result = refuse_in_host_function("strettoCommFinalize");
    if (result != strettoSuccess) return result;
    comm->participant->finalize();
    return strettoSuccess;
  });
}

strettoResult_t strettoCommAbort(strettoComm_t comm) {
  return guarded("strettoCommAbort", [&] {
    if (const strettoResult_t result = check_handle(comm, "strettoCommAbort"); result != strettoSuccess) return result;
    comm->participant->abort();
    return strettoSuccess;
  });
}

strettoResult_t strettoCommGetAsyncError(strettoComm_t comm, strettoResult_t* async_error) {
  return get<strettoResult_t>(comm, async_error, "strettoCommGetAsyncError", "async_error", [](const Participant& p) {
    if (p.in_setup()) return strettoInProgress;  // asked first: it may fail meanwhile, but does not begin again
    const ErrorInfo* fault = p.fault();
    return fault == nullptr ? strettoSuccess : fault->code;
  });
}

strettoResult_t strettoCommWait(strettoComm_t comm) {
  return guarded("strettoCommWait", [&] {
    if (const strettoResult_t result = check_handle(comm, "strettoCommWait"); result != strettoSuccess) return result;
    Participant::await(std::span(&comm->participant, 1));
    return strettoSuccess;
  });
}

strettoResult_t strettoCommCount(strettoComm_t comm, int* count) {
  return get<int>(comm, count, "strettoCommCount", "count", [](const Participant& p) { return p.n_ranks(); });
}

strettoResult_t strettoCommUserRank(strettoComm_t comm, int* rank) {
  return get<int>(comm, rank, "strettoCommUserRank", "rank", [](const Participant& p) { return p.rank(); });
}

strettoResult_t strettoGetDeviceCount(int* count) {
  static constexpr const char* kName = "strettoGetDeviceCount";
  return guarded(kName, [&] {
    if (count == nullptr) return refuse(strettoInvalidArgument, kName, "count", "count is NULL");
    *count = count_devices();
    return strettoSuccess;
  });
}

strettoResult_t strettoCommDevice(strettoComm_t comm, int* device) {
  return get<int>(comm, device, "strettoCommDevice", "device", [](const Participant& p) {
    return p.on_device() ? p.settings().gpu->facts().ordinal : STRETTO_DEVICE_HOST;
  });
}

}  // extern "C"
