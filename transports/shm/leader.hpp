// The leader's side of set-up: makes the memory, listens, and serves every other rank of the host; strangers and broken
// connections are turned away one by one without harm to the others. A non-blocking state machine.
#pragma once

#include <list>
#include <vector>

#include "transports/shm/handshake.hpp"

namespace stretto::shm {

class Leader {
 public:
  /// Makes and maps the memory and listens. @param joiners the other ranks of the host
  Leader(const Party& party, std::vector<Rank> joiners);

  /// True when every joiner has mapped the memory. Throws Error at the deadline, or when a rank left half-way.
  bool poll();
  Mapping take_mapping() { return std::move(mapping_); }
  void watch(WaitSet& waits);

 private:
  /// What is awaited of a connection.
  enum class State : std::uint8_t { hello, proof, send_memory, mapped, finished };
  struct Guest {
    explicit Guest(Handle socket) : wire(std::move(socket)) {}
    Wire wire;
    State state = State::hello;
    Hello hello;
    Nonce nonce{};
    Proof proof{};
    std::byte mapped{};
  };

  void admit();
  /// Moves one guest on. False when it is to be turned away.
  bool serve(Guest& guest);
  bool greet(Guest& guest);
  bool check(Guest& guest);
  bool hand_out(Guest& guest);
  bool is_missing(Rank rank) const;
  void check_deadline() const;

  const Party& party_;
  std::vector<Rank> missing_;
  std::list<Guest> guests_;
  std::size_t turned_away_ = 0;
  Handle memory_;
  Mapping mapping_;
  Handle listener_;
};

}  // namespace stretto::shm
