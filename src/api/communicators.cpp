// Communicators of the C API: making, asking, ending.
#include "api/api.hpp"
#include "base/text.hpp"
#include "comm/call_group.hpp"
#include "comm/split.hpp"
#include "comm/starting.hpp"

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
  auto participant = Participant::begin(id, n_ranks, rank, settings);
  if (settings.blocking && CallGroup::is_open()) {
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

strettoResult_t strettoCommInitRankConfig(strettoComm_t* comm, int nranks, strettoUniqueId id, int rank,
                                          const strettoConfig_t* config) {
  static constexpr const char* kName = "strettoCommInitRank";
  return spoil_group(guarded(kName, [&] {
    if (comm == nullptr) return refuse(strettoInvalidArgument, kName, "comm", "comm is NULL");
    if (nranks < 1 || nranks > kMostRanks) {
      return refuse(strettoInvalidArgument, kName, "nranks",
                    format("nranks is {}: it must be from 1 to {}", nranks, kMostRanks));
    }
    if (rank < 0 || rank >= nranks) {
      return refuse(strettoInvalidArgument, kName, "rank",
                    format("rank is {}: it must be from 0 to {}", rank, nranks - 1));
    }
    const Settings settings = resolve_settings(config, read_environment());
    return join(id, nranks, rank, settings, comm);
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
    if (const strettoResult_t result = refuse_in_host_function(kName); result != strettoSuccess) return result;
    communicator_of(comm, kName);
    // What is wrong with the other arguments does not keep this rank from the split: the others would wait for it.
    SplitWish wish{color, key, {}, {}};
    Environment environment;
    try {
      if (newcomm == nullptr) throw Error(strettoInvalidArgument, "strettoCommSplit: newcomm is NULL", "newcomm");
      environment = read_environment();
      wish.settings =
          config != nullptr ? resolve_settings(config, environment) : inherited_settings(*comm->participant);
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

strettoResult_t strettoCommCount(strettoComm_t comm, int* count) {
  return get<int>(comm, count, "strettoCommCount", "count", [](const Participant& p) { return p.n_ranks(); });
}

strettoResult_t strettoCommUserRank(strettoComm_t comm, int* rank) {
  return get<int>(comm, rank, "strettoCommUserRank", "rank", [](const Participant& p) { return p.rank(); });
}

strettoResult_t strettoCommDevice(strettoComm_t comm, int* device) {
  return get<int>(comm, device, "strettoCommDevice", "device", [](const Participant& p) {
    return p.on_device() ? p.settings().gpu->facts().ordinal : STRETTO_DEVICE_HOST;
  });
}

}  // extern "C"
