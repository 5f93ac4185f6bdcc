// A listener and the strangers before it: accepts, lets those in who prove to know the key, turns the others away.
// Its bounds (frames of 512 bytes, 5 s, a number of connections) hold whatever strangers do.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bootstrap/handshake.hpp"

namespace stretto {

/// What a wait has found ready, to be asked for one socket after the other.
class ReadySockets {
 public:
  explicit ReadySockets(std::span<const int> handles) : sorted_(handles.begin(), handles.end()) {
    std::ranges::sort(sorted_);
  }
  bool contains(int socket) const { return std::ranges::binary_search(sorted_, socket); }
  std::span<const int> all() const { return sorted_; }

 private:
  std::vector<int> sorted_;
};

class Gate {
 public:
  struct Guest {
    Channel channel;
    Introduction introduction;
  };

  /// @param self the rank that listens, -1 for the rendezvous: guests must mean it
  Gate(System& system, Handle listener, const Key& key, Role role, Rank self, std::size_t strangers_max);

  /// @param ready the sockets to read, of those watched; null: all. Who has not been watched yet is always read.
  void poll(const ReadySockets* ready = nullptr);
  std::optional<Guest> next_guest();
  void watch(WaitSet& waits);
  std::int64_t next_deadline_ns() const;
  std::uint64_t turned_away() const { return turned_away_; }
  /// Why connections could not be accepted lately; "" if they could.
  const std::string& trouble() const { return trouble_; }
  /// Connections could not be accepted for so long that it will not pass by itself (strangers have been turned away).
  bool stuck() const;

 private:
  struct Stranger {
    Channel channel;
    ServerHandshake handshake;
    std::int64_t since_ns;
    bool leaving = false;  ///< turned away; its last frame is being sent
    bool fresh = true;     ///< not watched yet
  };

  void accept_some();
  void advance_all(const ReadySockets* ready);
  void advance(Stranger& stranger);
  /// Makes room by turning away who has been here longest, if that is long enough. Members need milliseconds.
  bool evict_slowest();

  System& system_;
  Handle listener_;
  Key key_;
  Role role_;
  Rank self_;
  std::size_t strangers_max_;
  std::deque<Stranger> strangers_;  ///< oldest first
  std::deque<Guest> guests_;
  std::int64_t accept_again_ns_ = 0;  ///< no descriptor was left: not before this
  bool full_ = false;
  std::uint8_t watched_events_ = 0;
  const WaitSet* watched_by_ = nullptr;
  std::uint64_t turned_away_ = 0;
  std::string trouble_;
  std::int64_t trouble_since_ns_ = 0;
};

}  // namespace stretto
