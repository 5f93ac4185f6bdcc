// The state machine behind make_rendezvous, with what tests want to see of it.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "bootstrap/bootstrap.hpp"
#include "bootstrap/gate.hpp"
#include "bootstrap/messages.hpp"

namespace stretto {

/// Per rank it takes one hello, proof, join and linked, and gives one challenge, assign and ready: O(n) altogether.
class TreeRendezvous final : public Rendezvous {
 public:
  TreeRendezvous(System& system, const Endpoint& address, const std::optional<Key>& key = std::nullopt);

  const strettoUniqueId& id() const override { return id_; }
  bool poll() override { return poll(nullptr); }
  bool poll_ready(std::span<const int> ready_handles) override;
  void watch(WaitSet& waits) override;
  std::int64_t next_deadline_ns() const override;
  Counts counts() const override;
  bool unused() const override { return attendees_.empty() && !failure_; }

 private:
  /// Authenticated, its join not yet here.
  struct Arrival {
    Channel channel;
    Introduction introduction;
    std::int64_t since_ns;
    bool fresh = true;  ///< not watched yet
  };
  struct Attendee {
    Channel channel;
    Member member;
    Endpoint listener;
    bool linked = false;
  };
  /// Told why it cannot take part; kept until it has been told, and hangs up or a second has passed.
  struct Leaver {
    Channel channel;
    std::int64_t since_ns;
  };

  bool poll(const ReadySockets* ready);
  void poll_arrivals(const ReadySockets* ready);
  void poll_attendees(const ReadySockets* ready);
  void poll_attendee(Attendee& attendee);
  void get_all_ready();
  void poll_leavers();
  void on_join(Arrival& arrival, const std::vector<std::byte>& frame);
  bool refuse_join(Arrival& arrival, const Member& member);
  void assign();
  void reject(Channel channel, const ErrorInfo& why);
  /// Ends set-up for all who came and, until the deadline, for all who will come.
  void fail(ErrorInfo why);
  ErrorInfo deadline_passed() const;
  ErrorInfo no_descriptors() const;
  void send(Channel& channel, const std::vector<std::byte>& body);

  System& system_;
  Endpoint address_;
  strettoUniqueId id_{};
  std::optional<Gate> gate_;
  int n_ranks_ = 0;  ///< as the first to join said; 0 before
  std::int64_t deadline_ns_;
  std::deque<Arrival> arrivals_;
  std::map<Rank, Attendee> attendees_;
  std::size_t n_linked_ = 0;
  // There may be 100,000 attendees: only those are looked at that something has happened to.
  std::unordered_map<int, Rank> rank_of_socket_;
  std::vector<Rank> unwatched_;  ///< joined, were read or sent to since the last watch()
  std::vector<Rank> unflushed_;  ///< when ready: still to be told
  const WaitSet* watched_by_ = nullptr;
  std::deque<Leaver> leavers_;
  std::optional<ErrorInfo> failure_;
  std::set<Rank> told_;     ///< of the failure
  std::string duplicates_;  ///< for the deadline's text
  bool assigned_ = false;
  bool ready_ = false;
  Counts counts_;
};

}  // namespace stretto
