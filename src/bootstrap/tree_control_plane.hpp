// The control plane over the links of a binary tree. What one rank has to say to all floods the tree: each node passes
// it on to every neighbour but the one it came from, so every link carries it once, and a tree that a death has cut
// still informs both sides.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "bootstrap/channel.hpp"
#include "bootstrap/control_plane.hpp"
#include "bootstrap/messages.hpp"

namespace stretto {

struct HeartbeatConfig {
  std::int64_t interval_ns = 0;  ///< 0: none are sent
  std::int64_t timeout_ns = 0;   ///< 0: silence is not noticed
};

struct TreeLink {
  Member peer;
  Channel channel;
};

class TreeControlPlane final : public ControlPlane {
 public:
  /// @param links to the parent and the children; they have passed the handshake
  TreeControlPlane(System& system, Member self, int n_ranks, std::vector<TreeLink> links, HeartbeatConfig heartbeat);

  void start_all_gather(std::vector<std::byte> mine, const char* phase, std::int64_t deadline_ns) override;
  std::optional<std::vector<std::vector<std::byte>>> poll_all_gather() override;
  void poll() override;
  void report(const ErrorInfo& fault) override;
  const ErrorInfo* fault() const override { return fault_ ? &*fault_ : nullptr; }
  void say_waiting(std::uint64_t operation, const OpTag& tag) override;
  std::vector<Waiting> take_waiting() override { return std::exchange(heard_, {}); }
  void tell(std::vector<std::byte> word) override;
  std::vector<Word> take_words() override { return std::exchange(words_, {}); }
  void leave(std::uint64_t operations) override;
  bool flushed() const override;
  std::span<const Departure> departed() const override { return departed_; }
  void watch(WaitSet& waits) override;
  std::int64_t next_deadline_ns() const override;
  /// To neighbours so far, of every kind.
  std::uint64_t frames_sent() const { return frames_sent_; }

 private:
  using Blob = std::shared_ptr<const std::vector<std::byte>>;
  struct Gather {
    std::vector<Blob> blobs;  ///< by rank; nullptr: has not come
    std::size_t n_come = 0;
  };
  /// A blob or a goodbye that a neighbour is still to be sent. They share a queue: a rank's goodbye must not overtake
  /// its blobs, or it would seem to have left before it came.
  struct Parcel {
    std::uint64_t gather;  ///< 0: a goodbye
    Rank rank;
    Blob blob;
    std::uint64_t operations;
  };
  struct Link {
    Member peer;
    Channel channel;
    std::deque<Parcel> parcels;   ///< by reference; packed only when the socket has taken what came before
    std::deque<Waiting> waiting;  ///< still to be said; sent when the socket has taken what came before
    std::int64_t heard_ns = 0;
    std::int64_t spoke_ns = 0;
    std::uint64_t bytes_heard = 0;
    bool departed = false;  ///< said goodbye: its end is no death
    bool acknowledged = false;
    bool open = true;
  };

  void poll_link(Link& link);
  void on_frame(Link& from, std::span<const std::byte> frame);
  void on_blobs(Link& from, WireReader& reader);
  void on_goodbye(Link& from, WireReader& reader);
  void on_fault(Link& from, ErrorInfo fault);
  void on_waiting(Link& from, const Waiting& said);
  void spread_waiting(const Waiting& said, const Link* from);
  void send_waiting(Link& link);
  void on_word(Link& from, WireReader& reader);
  void spread_word(Rank rank, std::span<const std::byte> word, const Link* from);
  void on_end(Link& link);
  void check_silence(Link& link, std::int64_t now_ns);
  void send_parcels(Link& link);
  std::vector<std::byte> pack_blobs(Link& link);
  void spread_goodbye(const Departure& departure, const Link* from);
  void send(Link& link, std::span<const std::byte> body);
  void store(std::uint64_t gather, Rank rank, Blob blob, const Link* from);
  /// The first is kept and told to all neighbours but `from`; every rank does so with its first, so all hear of one.
  void set_fault(ErrorInfo fault, const Link* from);
  [[noreturn]] void throw_gather_error(strettoResult_t code, Rank peer, std::string text) const;
  std::vector<Rank> missing() const;

  System& system_;
  Member self_;
  int n_ranks_;
  HeartbeatConfig heartbeat_;
  std::vector<Link> links_;
  std::optional<ErrorInfo> fault_;
  std::vector<Departure> departed_;
  std::vector<bool> has_departed_;  ///< by rank; empty: none has
  WaitingNews news_;
  std::vector<Waiting> heard_;
  std::vector<Word> words_;
  std::uint64_t frames_sent_ = 0;
  bool left_ = false;
  std::int64_t flush_deadline_ns_ = 0;

  std::uint64_t gather_ = 0;  ///< number of the current one, from 1
  bool gathering_ = false;
  std::string phase_;
  std::int64_t gather_deadline_ns_ = 0;
  /// The current gather, and the next one for neighbours who are ahead. Nobody can be further: to finish the next one
  /// takes this rank's blob.
  std::map<std::uint64_t, Gather> gathers_;
};

}  // namespace stretto
