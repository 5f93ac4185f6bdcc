// What was executed, for tests: the log of a run must linearise its plan. Off (nullptr) unless a test asks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "plan/plan.hpp"

namespace stretto {

struct StepRecord {
  std::uint64_t operation = 0;
  std::uint64_t order = 0;  ///< position in the process-wide sequence of the log's clock
  Rank rank = 0;
  std::int32_t channel = 0;
  std::int32_t strand = 0;
  std::int32_t step = 0;  ///< index in body, or body size + index in epilogue
  std::uint64_t round = 0;
  StepKind kind = StepKind::copy;
  Rank peer = -1;
};

class StepLog {
 public:
  void add(StepRecord record) {
    record.order = records_.size();
    records_.push_back(record);
  }
  const std::vector<StepRecord>& records() const { return records_; }
  void clear() { records_.clear(); }

 private:
  std::vector<StepRecord> records_;
};

}  // namespace stretto
