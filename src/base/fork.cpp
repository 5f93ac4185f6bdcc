#include "base/fork.hpp"

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <mutex>

namespace stretto {

std::atomic<std::uint32_t> generation_of_process{0};

namespace {

using Word = std::atomic<std::uint64_t>;
constexpr std::size_t kWordBits = 64;
constexpr std::size_t kDescriptors = std::size_t{1} << 20;  // the most that Linux gives a process by default

/// One bit per descriptor; zero pages until used.
std::array<Word, kDescriptors / kWordBits> owned;
std::atomic<std::size_t> words_used{0};  ///< all owned ones lie below

static_assert(Word::is_always_lock_free && std::atomic<std::size_t>::is_always_lock_free,
              "used where only async-signal-safe things may be");

void in_child() {
  const int error = errno;
  generation_of_process.fetch_add(1, std::memory_order_relaxed);
  const std::size_t words = words_used.load(std::memory_order_relaxed);
  for (std::size_t word = 0; word < words; ++word) {
    std::uint64_t bits = owned[word].exchange(0, std::memory_order_relaxed);
    for (; bits != 0; bits &= bits - 1) {
      ::close(static_cast<int>(word * kWordBits) + std::countr_zero(bits));
    }
  }
  errno = error;
}

bool in_range(int descriptor) { return descriptor >= 0 && static_cast<std::size_t>(descriptor) < kDescriptors; }
std::size_t word_of(int descriptor) { return static_cast<std::size_t>(descriptor) / kWordBits; }
std::uint64_t bit_of(int descriptor) { return std::uint64_t{1} << (static_cast<std::size_t>(descriptor) % kWordBits); }

}  // namespace

void handle_forks() {
  static std::once_flag once;
  std::call_once(once, [] { pthread_atfork(nullptr, nullptr, in_child); });
}

void own_descriptor(int descriptor) noexcept {
  if (!in_range(descriptor)) return;
  const std::size_t needed = word_of(descriptor) + 1;
  std::size_t known = words_used.load(std::memory_order_relaxed);
  while (known < needed && !words_used.compare_exchange_weak(known, needed, std::memory_order_relaxed)) {
  }
  owned[word_of(descriptor)].fetch_or(bit_of(descriptor), std::memory_order_relaxed);
}

void disown_descriptor(int descriptor) noexcept {
  if (in_range(descriptor)) owned[word_of(descriptor)].fetch_and(~bit_of(descriptor), std::memory_order_relaxed);
}

}  // namespace stretto
