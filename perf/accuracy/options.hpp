// What accuracy_perf was asked to do.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "perf/accuracy/accuracy.hpp"

namespace stretto::perf {

/// @param arguments without the program's name.
std::variant<AccuracyOptions, Refusal> parse_accuracy_options(const std::vector<std::string>& arguments);

}  // namespace stretto::perf
