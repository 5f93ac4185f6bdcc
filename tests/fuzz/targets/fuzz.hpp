// What the fuzz targets share. A target is a function of the fuzzer's bytes: time, randomness and the network are the
// simulator's (tests/sim), and what a hostile peer does is read from the bytes. What must hold is asserted; a
// violation, a sanitizer's report, an exception that is no Error, or a hang ends the program, and the fuzzer keeps the
// bytes.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "sim/sim_system.hpp"

namespace stretto::fuzz {

using Input = FuzzedDataProvider;

constexpr std::int64_t second_ns = 1'000'000'000;

/// A network without whims of its own. Partial reads and writes are the input's choice.
inline sim::SimConfig calm(Input& input) {
  sim::SimConfig config;
  config.delay_min_ns = config.delay_max_ns = 1'000;
  config.slow_chance = 0;
  config.refuse_chance = 0;
  config.partial_chance = input.ConsumeBool() ? 0.5 : 0;
  return config;
}

inline std::byte some_byte(Input& input) { return std::byte{input.ConsumeIntegral<std::uint8_t>()}; }

inline std::vector<std::byte> some_bytes(Input& input, std::size_t most) {
  const auto bytes = input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange<std::size_t>(0, most));
  const auto view = std::as_bytes(std::span(bytes));
  return {view.begin(), view.end()};
}

/// Mostly a small number around the sensible ones, sometimes any.
inline int some_rank(Input& input) {
  return input.ConsumeIntegralInRange(0, 15) == 0 ? input.ConsumeIntegral<int>() : input.ConsumeIntegralInRange(-1, 9);
}

template <typename T>
T one_of(Input& input, std::initializer_list<T> choices) {
  return choices.begin()[input.ConsumeIntegralInRange<std::size_t>(0, choices.size() - 1)];
}

/// Time for whatever is under way to arrive.
inline void let_arrive(sim::SimWorld& world) { world.advance_to(world.now_ns() + 10'000); }

}  // namespace stretto::fuzz
