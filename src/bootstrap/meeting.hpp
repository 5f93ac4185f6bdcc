// Where ranks on one host meet, with nothing in hand but a name that they all can compute: rank 0 (of those who are
// left of a communicator, the first) listens on an abstract local socket, the others come, and all are told its unique
// id, or why there is none.
//
// The name is no secret. What lets a process in is the kernel's word that it is the same user (SO_PEERCRED), asked for
// on both sides: a stranger who comes is turned away unheard, and one who listens in rank 0's place is told nothing.
// Processes of the same user could read each other's memory anyhow.
//
//   rank r -> rank 0   MeetingCard   who I am, how long I can wait, perhaps why I cannot take part
//   rank 0 -> rank r   MeetingCard   the id, or the reason; when all have come, or one cannot, or it has grown late
//
// Non-blocking state machines; no id is handed out before all ranks have come and agree.
#pragma once

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/system.hpp"
#include "stretto/stretto.h"

namespace stretto {

/// What both sides say. It travels as bytes between processes of one host.
struct MeetingCard {
  std::uint32_t magic = 0x4d525453;  ///< "STRM" in memory; changes with the card
  std::int32_t version = STRETTO_VERSION;
  std::int32_t rank = -1;
  std::int32_t n_ranks = 0;
  std::int32_t process = 0;
  /// Else: why this rank cannot take part, or why nobody can; strettoInProgress: come again.
  std::int32_t code = strettoSuccess;
  std::int32_t peer = -1;         ///< in that answer: whose fault it is
  std::uint32_t digest = 0;       ///< of what all must ask for alike; see MeetingPlace
  std::int64_t remaining_ns = 0;  ///< until this rank gives up
  char field[32] = {};
  char text[824] = {};
  strettoUniqueId id{};  ///< in the answer
};
static_assert(sizeof(MeetingCard) == 1024);  // no padding: every byte is somebody's

/// What both sides know.
struct MeetingPlace {
  std::string name;     ///< of the socket
  std::string job;      ///< for errors: "the 4 ranks that mpich started"
  std::string rank_by;  ///< the variable that says the rank: the field of an error about it
  std::string size_by;
  Rank rank = 0;  ///< this one
  int n_ranks = 1;
  std::int64_t deadline_ns = 0;
  // Of ranks that no launcher has started, but a communicator had:
  std::string topic = "launcher";  ///< ErrorInfo::name
  std::string advice{};            ///< for errors of the deadline: what to look at; empty: a launcher's
  std::vector<Rank> members{};     ///< who meets, ascending; empty: 0 to n_ranks - 1
  std::uint32_t digest = 0;        ///< must be equal; digest_by is the field of an error about it
  std::string digest_by{};

  /// Who listens.
  Rank host() const { return members.empty() ? 0 : members.front(); }
  bool expects(Rank other) const {
    if (members.empty()) return other >= 0 && other < n_ranks;
    return std::ranges::binary_search(members, other);
  }
};

/// One connection: reads and writes whole cards.
class MeetingWire {
 public:
  explicit MeetingWire(Handle socket) : socket_(std::move(socket)) {}
  int id() const { return socket_.id(); }
  bool sending() const { return sent_bytes_ < sizeof out_; }
  void queue(const MeetingCard& card) { out_ = card, sent_bytes_ = 0; }
  IoStatus flush(System& system);
  /// ok when `in` is complete.
  IoStatus fill(System& system);
  void watch(WaitSet& waits);

  MeetingCard in;

 private:
  Handle socket_;
  MeetingCard out_;
  std::size_t sent_bytes_ = sizeof(MeetingCard);
  std::size_t in_bytes_ = 0;
};

/// Rank 0's side.
class MeetingHost {
 public:
  /// Listens. Throws Error, if somebody has the name saying who. @param refusal why rank 0 itself cannot take part
  MeetingHost(System& system, MeetingPlace place, const strettoUniqueId& id, const std::optional<ErrorInfo>& refusal);

  /// True when all have been told what was decided, or the deadline has passed.
  bool poll();
  /// Decides, if nothing is decided, that there will be no communicator since this rank has given up.
  void withdraw();
  bool decided() const { return verdict_.has_value(); }
  /// When decided: why no rank may start. nullptr: all may.
  const ErrorInfo* failure() const { return verdict_ && verdict_->code != strettoSuccess ? &*verdict_ : nullptr; }
  std::size_t turned_away() const { return turned_away_; }

  void watch(WaitSet& waits);
  std::int64_t next_deadline_ns() const;

 private:
  enum class State : std::uint8_t { card, waiting, answering };
  struct Guest {
    MeetingWire wire;
    State state = State::card;
  };

  void admit();
  /// False when the guest is done with, or turned away.
  bool serve(Guest& guest);
  bool take_card(Guest& guest);
  void consider(const MeetingCard& card);
  void decide(ErrorInfo verdict);
  void decide_late();
  ErrorInfo digests_differ(const MeetingCard& card) const;
  std::vector<Rank> missing() const;
  MeetingCard answer(bool again) const;

  System& system_;
  MeetingPlace place_;
  strettoUniqueId id_;
  Handle listener_;
  std::list<Guest> guests_;
  std::map<Rank, std::int32_t> came_;  ///< process of each rank that has come
  std::set<Rank> told_;                ///< of the verdict, or gone
  std::size_t turned_away_ = 0;
  std::int64_t accept_again_ns_ = 0;  ///< no descriptor was left: not before this
  std::int64_t deadline_ns_;
  std::optional<ErrorInfo> verdict_;
};

/// Every other rank's side.
class MeetingGuest {
 public:
  MeetingGuest(System& system, MeetingPlace place, const std::optional<ErrorInfo>& refusal);

  /// True when the answer has come, which is the id. Throws Error: there is none, the deadline, a stranger listens.
  bool poll();
  const strettoUniqueId& id() const { return wire_->in.id; }
  /// Whether the host knows that this rank is here, and notices if it goes.
  bool is_known() const { return wire_ && !wire_->sending(); }

  void watch(WaitSet& waits);
  std::int64_t next_deadline_ns() const;

 private:
  bool connect();
  void check_deadline() const;
  bool take_answer();
  [[noreturn]] void fail(strettoResult_t code, std::string field, std::string text, Rank peer) const;

  System& system_;
  MeetingPlace place_;
  MeetingCard mine_;
  std::int64_t retry_ns_ = 0;
  std::int64_t retry_interval_ns_ = 0;
  Handle pending_;  ///< being connected
  std::optional<MeetingWire> wire_;
  bool put_off_ = false;  ///< by a meeting that has failed, until it makes room for the next
};

/// Fills a card's code, field and text.
void put_refusal(MeetingCard& card, const ErrorInfo& why);
ErrorInfo refusal_of(const MeetingCard& card);

}  // namespace stretto
