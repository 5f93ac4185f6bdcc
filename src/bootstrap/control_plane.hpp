// The control plane: a tree of authenticated TCP connections between the ranks of one communicator. It gathers small
// blobs during set-up, and afterwards carries liveness, faults, goodbyes, what ranks wait in, and what device
// communicators agree on. No bulk data.
//
// A non-blocking state machine: nothing happens but in poll(). Not thread-safe: src/comm gives it to the set-up thread
// first and to the service thread afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "base/system.hpp"
#include "bootstrap/waiting.hpp"

namespace stretto {

class ControlPlane {
 public:
  virtual ~ControlPlane() = default;

  /// Gathers `mine` of every rank on every rank; one at a time, in the same order on all ranks. A barrier is a gather
  /// of nothing. `phase` names it in errors; the deadline's error names the ranks that have not come.
  virtual void start_all_gather(std::vector<std::byte> mine, const char* phase, std::int64_t deadline_ns) = 0;
  /// The blobs in rank order once all have come, else nullopt. Throws Error as described above, and on a fault.
  virtual std::optional<std::vector<std::vector<std::byte>>> poll_all_gather() = 0;

  /// Receives, forwards, answers, beats. Never throws: trouble becomes the first fault.
  virtual void poll() = 0;

  /// Tells every rank. The first fault that a rank hears of is the one it keeps.
  virtual void report(const ErrorInfo& fault) = 0;
  /// The first fault of the communicator that this rank knows of: reported here, received, or observed (a neighbour's
  /// connection closed without a goodbye: strettoRemoteError with `peer` the dead rank and its host; or it was silent
  /// for longer than the heartbeat allows: strettoTimeout). nullptr: none.
  virtual const ErrorInfo* fault() const = 0;

  /// Tells every rank what collective this one waits in, for them to hold against their own. Of an operation only the
  /// first calls that differ go round (WaitingNews), so ranks that wait in the same call add nothing.
  virtual void say_waiting(std::uint64_t operation, const OpTag& tag) = 0;
  /// What other ranks have said so since it was last asked; the oldest are dropped where nobody asks.
  virtual std::vector<Waiting> take_waiting() = 0;

  /// Tells every other rank. Words of one rank come to each in the order in which they were said; and an answer comes
  /// nowhere before what it answers, since the tree has one way between any two ranks.
  virtual void tell(std::vector<std::byte> word) = 0;
  struct Word {
    Rank rank;
    std::vector<std::byte> bytes;
  };
  /// What other ranks have told since it was last asked.
  virtual std::vector<Word> take_words() = 0;

  /// Says goodbye: this rank leaves in order (`operations` completed so far); neighbours then do not take the closed
  /// connection for a death. After a goodbye of rank r, a rank that waits for r in a later operation is told so by
  /// src/comm, which sees departed(). poll() until flushed().
  virtual void leave(std::uint64_t operations) = 0;
  virtual bool flushed() const = 0;
  /// Ranks that said goodbye, with the operations they had completed.
  struct Departure {
    Rank rank;
    std::uint64_t operations;
  };
  virtual std::span<const Departure> departed() const = 0;

  /// Registers all its sockets; call again after each poll() (cheap when nothing changed).
  virtual void watch(WaitSet& waits) = 0;
  /// When poll() must be called again at the latest, on System::now_ns.
  virtual std::int64_t next_deadline_ns() const = 0;
};

}  // namespace stretto
