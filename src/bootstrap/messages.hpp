// What members say to one another behind the seal of a channel: the types of frames, and how values are packed.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/system.hpp"
#include "base/wire.hpp"
#include "bootstrap/waiting.hpp"

namespace stretto {

enum class Message : std::uint8_t {
  // rank -> rendezvous
  join = 1,    ///< Joining
  linked = 2,  ///< its connections of the tree stand
  // rendezvous -> rank
  assign = 3,  ///< where its parent is; all ranks have come
  ready = 4,   ///< all ranks are linked
  // rendezvous or parent -> rank
  reject = 5,  ///< ErrorInfo: set-up has failed
  // child -> parent, as the first frame; parent -> child
  link = 6,  ///< Member
  // control plane, both ways
  beat = 16,
  blobs = 17,        ///< number of the gather, then {rank, blob} up to the end
  fault = 18,        ///< ErrorInfo
  goodbye = 19,      ///< rank, operations
  goodbye_ack = 20,  ///< of the neighbour's own goodbye
  waiting = 21,      ///< Waiting
  word = 22,         ///< rank, blob: what src/comm has to say
};

/// Who a rank is, for errors.
struct Member {
  Rank rank = -1;
  std::string host;
  std::int32_t process = 0;
};

/// "rank 3 on host a7 (process 4711)"
std::string to_string(const Member& member);

/// "3, 5 and 12 more": at most 16 are listed.
std::string list_ranks(const std::vector<Rank>& ranks);

void put(WireWriter& writer, const Endpoint& endpoint);
void put(WireWriter& writer, const Member& member);
void put(WireWriter& writer, const ErrorInfo& info);
void put(WireWriter& writer, const Waiting& waiting);
// Throw Error(strettoRemoteError) if the bytes end early.
Endpoint get_endpoint(WireReader& reader);
Member get_member(WireReader& reader);
ErrorInfo get_error_info(WireReader& reader);
Waiting get_waiting(WireReader& reader);

}  // namespace stretto
