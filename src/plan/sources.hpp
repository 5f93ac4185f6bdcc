// Operands of a step, and a short list of them that needs no memory of its own: a ring of 16,384 ranks has 160,000
// steps of one or two sources.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <utility>
#include <vector>

namespace stretto {

enum class Space : std::uint8_t { none, input, output, scratch, slot };

/// An operand. input, output: index is the logical chunk. scratch: index is a chunk of this rank's scratch memory.
/// slot: index is the peer; the current slot towards it as a destination, the current slot from it as a source.
struct Ref {
  Space space = Space::none;
  std::int16_t part = 0;  ///< of a slot
  std::int32_t index = -1;

  friend bool operator==(const Ref&, const Ref&) = default;
};

constexpr Ref input(int chunk) { return {Space::input, 0, chunk}; }
constexpr Ref output(int chunk) { return {Space::output, 0, chunk}; }
constexpr Ref scratch(int chunk) { return {Space::scratch, 0, chunk}; }
constexpr Ref slot(std::int32_t peer, int part = 0) { return {Space::slot, static_cast<std::int16_t>(part), peer}; }

/// Two are kept inside, more in memory of their own. As a std::vector otherwise.
class Sources {
 public:
  Sources() = default;
  Sources(std::initializer_list<Ref> refs) { assign(refs.begin(), refs.size()); }
  Sources(const std::vector<Ref>& refs) { assign(refs.data(), refs.size()); }  // NOLINT(google-explicit-constructor)
  Sources(const Sources& other) { assign(other.data(), other.size()); }
  Sources(Sources&& other) noexcept : count_(std::exchange(other.count_, 0)), storage_(other.storage_) {}
  Sources& operator=(Sources other) noexcept {
    std::swap(count_, other.count_);
    std::swap(storage_, other.storage_);
    return *this;
  }
  ~Sources() {
    if (count_ > kInside) delete[] outside();
  }

  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  Ref* data() { return count_ > kInside ? outside() : storage_.refs; }
  const Ref* data() const { return count_ > kInside ? outside() : storage_.refs; }
  Ref* begin() { return data(); }
  Ref* end() { return data() + count_; }
  const Ref* begin() const { return data(); }
  const Ref* end() const { return data() + count_; }
  Ref& operator[](std::size_t i) { return data()[i]; }
  const Ref& operator[](std::size_t i) const { return data()[i]; }
  Ref& front() { return *begin(); }
  const Ref& front() const { return *begin(); }
  Ref& back() { return end()[-1]; }
  const Ref& back() const { return end()[-1]; }
  /// Copies all, beyond two of them.
  void push_back(const Ref& ref) {
    std::vector<Ref> all(begin(), end());
    all.push_back(ref);
    *this = Sources(all);
  }

  friend bool operator==(const Sources& a, const Sources& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  static constexpr std::uint32_t kInside = 2;
  /// As a whole: what is copied of a Ref alone need not be all of its bytes.
  union Storage {
    Storage() : refs{} {}
    Ref refs[kInside];
    std::uint32_t address[2];  ///< of more of them
  };

  void assign(const Ref* refs, std::size_t count) {
    Ref* to = storage_.refs;
    if (count > kInside) {
      to = new Ref[count];
      const void* const at = to;
      std::memcpy(storage_.address, &at, sizeof at);
    }
    std::copy_n(refs, count, to);
    count_ = static_cast<std::uint32_t>(count);
  }
  Ref* outside() const {
    void* at = nullptr;
    std::memcpy(&at, storage_.address, sizeof at);
    return static_cast<Ref*>(at);
  }

  std::uint32_t count_ = 0;
  Storage storage_;
};

static_assert(sizeof(void*) <= sizeof(std::uint32_t[2]));
static_assert(sizeof(Ref) == 8 && sizeof(Sources) == 20);

}  // namespace stretto
