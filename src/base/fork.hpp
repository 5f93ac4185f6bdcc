// What a fork leaves to the child, and what it takes away. The child has a copy of the memory, but none of the threads:
// a lock that one of them held stays locked for ever, and what they looked after stands still. So the child starts
// anew (PerProcess), leaves all objects of its parent alone (process_generation tells them apart), and holds none of
// its parent's descriptors: a peer must see the parent's death though the child lives on.
//
// A handler of pthread_atfork does it, in the child, and does only what may be done there: atomic stores and close().
// Children that exec (posix_spawn, system, popen) need none of this: descriptors are close-on-exec. Children made by a
// bare system call (_Fork, clone) run no handlers and must not use the library.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace stretto {

extern std::atomic<std::uint32_t> generation_of_process;

/// One more in a child than in its parent. One load: checked by every call.
inline std::uint32_t process_generation() noexcept { return generation_of_process.load(std::memory_order_relaxed); }

/// From the first call on, forks are handled.
void handle_forks();

/// Descriptors to be closed in children. Between the making of a descriptor and own_descriptor, and between
/// disown_descriptor and close, lie a few instructions; a fork by another thread just then leaves the child with it,
/// and peers notice the parent's death by its silence.
void own_descriptor(int descriptor) noexcept;
void disown_descriptor(int descriptor) noexcept;

/// The process's one object of a type: made when first asked for, never destroyed, and another one in a forked child.
template <typename T>
class PerProcess {
 public:
  T& get() {
    Made* made = made_.load(std::memory_order_acquire);
    while (made == nullptr || made->generation != process_generation()) {
      handle_forks();
      Made* const fresh = new Made{process_generation(), made, {}};
      if (made_.compare_exchange_strong(made, fresh, std::memory_order_acq_rel, std::memory_order_acquire)) {
        made = fresh;
      } else {
        delete fresh;  // another thread was faster
      }
    }
    return made->object;
  }
  /// nullptr if nobody in this process has asked for it.
  T* get_if_made() noexcept {
    Made* const made = made_.load(std::memory_order_acquire);
    return made != nullptr && made->generation == process_generation() ? &made->object : nullptr;
  }

 private:
  struct Made {
    std::uint32_t generation;
    Made* parents;  ///< kept, unused, so that it is no leak
    T object;
  };
  std::atomic<Made*> made_{nullptr};
};

}  // namespace stretto
