// Hands one descriptor to each of some ranks of other processes, and takes one from each: numbers of descriptors mean
// nothing there. By local sockets, which only processes of this host and user can reach. Knows nothing of what the
// descriptors stand for.
//
// Each rank listens; each connects to all the others, says who it is and sends its own, which waits in the kernel until
// the other side looks. So nobody serves anybody, and no order of ranks matters.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/system.hpp"

namespace stretto {

class DescriptorExchange {
 public:
  /// Listens under a name that nobody can guess.
  DescriptorExchange(System& system, Rank rank);
  const std::string& name() const noexcept { return name_; }

  struct Peer {
    Rank rank = 0;
    std::string name;  ///< of its exchange
  };
  /// @param own sent to all of `peers`, from each of whom one is awaited
  /// @param deadline_ns on System::now_ns
  void start(std::vector<Peer> peers, Handle own, std::int64_t deadline_ns);
  /// Whether all have come and gone. Does not wait. Throws Error naming the peer, or one that has not come in time.
  bool poll();
  void watch(WaitSet& waits) const;
  /// By rank, when poll() has said so.
  std::map<Rank, Handle> take() { return std::move(received_); }

 private:
  struct Outgoing {
    Peer peer;
    Handle socket;  ///< until it has gone
    bool greeted = false;
    bool done = false;
  };
  struct Incoming {
    Handle socket;
    std::optional<Rank> rank;  ///< when it has said so
  };

  bool send(Outgoing& to);
  bool receive(Incoming& from);  ///< true: there is nothing more to come
  void accept_all();
  void check_deadline() const;

  System& system_;
  const Rank rank_;
  const std::string name_;
  Handle listener_;
  Handle own_;
  std::vector<Outgoing> outgoing_;
  std::vector<Incoming> incoming_;
  std::map<Rank, Handle> received_;
  std::int64_t deadline_ns_ = 0;
  bool started_ = false;
};

}  // namespace stretto
