// How ranks of one host that know nothing but a name come by an id while their set-up is under way, in the service
// thread: those who are left of a communicator, and those whose id is a name. The first of them hands out the id of a
// rendezvous that it has made, and another call under the same name may follow at once.
#pragma once

#include <memory>

#include "base/error.hpp"
#include "bootstrap/meeting.hpp"
#include "comm/id_source.hpp"

namespace stretto {

/// For set-up to poll. What a call before this one has left of its own meeting there is ended. Throws Error, after
/// having seen to it that the others are told.
std::unique_ptr<IdSource> meet_at(const MeetingPlace& place);

/// This rank cannot take part: the others are told in the background, as far as they come, and `refusal` is thrown.
[[noreturn]] void refuse_at(const MeetingPlace& place, const ErrorInfo& refusal);

}  // namespace stretto
