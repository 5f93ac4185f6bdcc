// What ranks say when they have waited long in a collective: "I am in this call". Whoever made another call of that
// number then knows that the ranks disagree, though no message passes between them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "base/error.hpp"
#include "base/op_tag.hpp"

namespace stretto {

/// One rank's word.
struct Waiting {
  Rank rank = -1;
  std::uint64_t operation = 0;  ///< in full; the tag has its low 32 bits
  OpTag tag;
};

/// What of it is worth passing on. A bounded memory: what it has forgotten is passed on once more.
class WaitingNews {
 public:
  static constexpr std::size_t kOperations = 64;
  /// Of one operation. Two show everyone a call that is not its own, if there is one.
  static constexpr std::size_t kCalls = 2;

  /// Remembers it. False: the call is known, whoever said it, or enough of its operation's are.
  bool add(const Waiting& said) {
    Calls& calls = calls_of(said.operation);
    for (std::size_t i = 0; i < calls.n; ++i) {
      if (calls.tags[i] == said.tag) return false;
    }
    if (calls.n == kCalls) return false;
    calls.tags[calls.n++] = said.tag;
    return true;
  }

 private:
  struct Calls {
    std::uint64_t operation;
    std::array<OpTag, kCalls> tags;
    std::size_t n;
  };
  Calls& calls_of(std::uint64_t operation) {
    for (Calls& calls : operations_) {
      if (calls.operation == operation) return calls;
    }
    if (operations_.size() == kOperations) operations_.pop_front();
    return operations_.emplace_back(Calls{operation, {}, 0});
  }

  std::deque<Calls> operations_;
};

}  // namespace stretto
