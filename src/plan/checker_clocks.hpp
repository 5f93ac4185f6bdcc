// Vector clocks, one component per thread (a strand of a rank, over all operations), after FastTrack (Flanagan and
// Freund, PLDI 2009): an access is an epoch {thread, its clock}, and lies before whatever knows that clock.
//
// A thread's own component grows whenever others learn its clock: by a signal, a release, the begin of an operation,
// or its end, when the strands of a rank are joined. So a clock that knows component c of a thread knows all that the
// thread knew when others learnt it at c: one comparison tells whether a join would change anything.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace stretto::checker {

class Clocks {
 public:
  using Row = std::int32_t;  ///< a published clock; kept until as many forget() as there were publications
  static constexpr Row kNoRow = -1;

  explicit Clocks(std::int32_t n_threads)
      : width_(static_cast<std::size_t>(n_threads)), now_(width_ * width_, 0), fresh_(width_, kNoRow) {
    for (std::size_t thread = 0; thread < width_; ++thread) now_[thread * width_ + thread] = 1;
  }

  std::uint32_t own(std::int32_t thread) const { return clock(thread)[thread]; }
  /// Does `thread` know `other` at `at`?
  bool knows(std::int32_t thread, std::int32_t other, std::uint32_t at) const { return clock(thread)[other] >= at; }

  /// The clock of the thread as of now. Publications with nothing learnt or touched between them share a row.
  Row publish(std::int32_t thread) {
    Row& fresh = fresh_[index(thread)];
    if (fresh != kNoRow && rows_[index(fresh)].uses > 0 && rows_[index(fresh)].owner == thread &&
        rows_[index(fresh)].at + 1 == own(thread) && !rows_[index(fresh)].stale) {
      ++rows_[index(fresh)].uses;
      return fresh;
    }
    fresh = take_row();
    rows_[index(fresh)] = {thread, own(thread), 1, false};
    std::copy_n(clock(thread), width_, stored_.data() + index(fresh) * width_);
    ++now_[index(thread) * width_ + index(thread)];
    return fresh;
  }

  void forget(Row row) {
    if (row != kNoRow && --rows_[index(row)].uses == 0) free_.push_back(row);
  }

  /// The thread learns all that the row knows.
  void join(std::int32_t thread, Row row) {
    const Published& published = rows_[index(row)];
    if (knows(thread, published.owner, published.at)) return;
    touch(thread);
    merge(thread, stored_.data() + index(row) * width_);
  }

  /// The thread learns all that `other` has done. What `other` does from now on is not part of that.
  void join_thread(std::int32_t thread, std::int32_t other) {
    touch(thread);
    merge(thread, clock(other));
    ++now_[index(other) * width_ + index(other)];
  }

  /// The thread accesses memory: what it published before does not cover that.
  void touch(std::int32_t thread) {
    const Row fresh = fresh_[index(thread)];
    if (fresh != kNoRow && rows_[index(fresh)].owner == thread) rows_[index(fresh)].stale = true;
  }

 private:
  struct Published {
    std::int32_t owner = -1;
    std::uint32_t at = 0;
    std::int32_t uses = 0;
    bool stale = false;
  };

  static std::size_t index(std::int32_t value) { return static_cast<std::size_t>(value); }
  const std::uint32_t* clock(std::int32_t thread) const { return now_.data() + index(thread) * width_; }

  void merge(std::int32_t thread, const std::uint32_t* from) {
    std::uint32_t* into = now_.data() + index(thread) * width_;
    for (std::size_t i = 0; i < width_; ++i) into[i] = std::max(into[i], from[i]);
  }

  Row take_row() {
    if (free_.empty()) {
      rows_.emplace_back();
      stored_.resize(stored_.size() + width_);
      return static_cast<Row>(rows_.size()) - 1;
    }
    const Row row = free_.back();
    free_.pop_back();
    return row;
  }

  std::size_t width_;
  std::vector<std::uint32_t> now_;
  std::vector<Row> fresh_;  ///< per thread: last row it published; may be another's by now
  std::vector<Published> rows_;
  std::vector<std::uint32_t> stored_;
  std::vector<Row> free_;
};

}  // namespace stretto::checker
