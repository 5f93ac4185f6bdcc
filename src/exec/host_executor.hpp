// Runs plans on host memory. A non-blocking state machine: start() an operation, then poll() until it is not running.
// One operation at a time; one thread. It neither waits nor looks at a clock: src/comm does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "exec/binding.hpp"
#include "exec/step_log.hpp"

namespace stretto {

enum class Progress : std::uint8_t { running, done, faulted };

/// A peer that the executor waits for, and where.
struct Blocked {
  Rank peer = -1;
  StepKind kind = StepKind::wait;
  std::int32_t step = -1;
  std::int32_t channel = -1;
};

class HostExecutor {
 public:
  explicit HostExecutor(Rank rank) : rank_(rank) {}

  /// `input` and `output` are the caller's pointers. The binding must outlive the operation.
  void start(const Binding& binding, std::uint64_t operation, const void* input, void* output);
  /// Runs every strand as far as it goes.
  Progress poll();
  /// After faulted: a received tag that differs from ours, or a slot of the wrong size.
  const ErrorInfo& fault() const { return fault_; }
  /// That tag, if it was one.
  const std::optional<OpTag>& refused() const { return refused_; }
  /// While running: what each unfinished strand waits for.
  std::vector<Blocked> blocked() const;
  /// Forgets an operation that was given up. The ports are then in no defined state: the communicator is faulted.
  void give_up();

  /// Steps run so far: tells whether a poll has made progress.
  std::uint64_t steps() const { return steps_; }

  void set_log(StepLog* log) { log_ = log; }

 private:
  struct Cursor {
    const PreparedStrand* strand = nullptr;
    const ChannelGeometry* geometries = nullptr;  ///< of the channel
    std::size_t rounds = 1;
    std::size_t part_stride_bytes = 0;
    const std::vector<PreparedStep>* steps = nullptr;  ///< body or epilogue
    std::size_t step = 0;
    std::size_t round = 0;
    bool finished = false;
  };

  void reserve(const Binding& binding);
  bool advance(Cursor& cursor);
  bool run_step(Cursor& cursor, const PreparedStep& step);
  bool next_round(Cursor& cursor);
  bool accept_slot(const Cursor& cursor, const PreparedStep& step);
  void move_data(const Cursor& cursor, const PreparedStep& step);
  void scale_data(const Cursor& cursor, const PreparedStep& step);
  void reduce_data(const Cursor& cursor, const PreparedStep& step);
  std::byte* destination_of(const Cursor& cursor, const PreparedStep& step, std::size_t bytes);
  std::byte* slot_part(const Cursor& cursor, const PreparedRef& ref, std::size_t bytes);
  const std::byte* source_of(const Cursor& cursor, const PreparedStep& step, const PreparedRef& ref) const;
  std::size_t input_offset(const Cursor& cursor, const PreparedStep& step, const PreparedRef& ref) const;
  std::size_t output_offset(const Cursor& cursor, const PreparedStep& step, const PreparedRef& ref) const;
  Extent extent_of(const Cursor& cursor, std::uint32_t block, std::uint32_t within) const;
  std::size_t bytes_of(const Cursor& cursor, const PreparedStep& step) const;
  std::size_t message_bytes(const Cursor& cursor, const MessageShape& message) const;
  bool is_multiplied(const PreparedRef& ref) const;
  void record(const Cursor& cursor, const PreparedStep& step);
  std::int32_t step_number(const Cursor& cursor) const;
  void refuse(const Cursor& cursor, const PreparedStep& step, strettoResult_t code, const char* field,
              std::string text);

  Rank rank_;
  const Binding* binding_ = nullptr;
  const std::byte* input_ = nullptr;
  std::byte* output_ = nullptr;
  OpTag tag_;
  std::uint64_t operation_ = 0;
  std::vector<Cursor> cursors_;
  std::size_t unfinished_ = 0;
  std::vector<std::byte> scratch_;
  std::vector<const void*> sources_;
  ErrorInfo fault_;
  std::optional<OpTag> refused_;
  bool faulted_ = false;
  std::uint64_t steps_ = 0;
  StepLog* log_ = nullptr;
};

}  // namespace stretto
