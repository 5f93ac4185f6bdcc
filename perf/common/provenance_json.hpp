// Provenance as the reports of all tools have it: keys are only ever added.
#pragma once

#include <nlohmann/json.hpp>

#include "perf/common/provenance.hpp"

namespace stretto::perf {

inline nlohmann::ordered_json provenance_json(const Provenance& from) {
  nlohmann::ordered_json json{{"commit", from.commit},       {"dirty", from.dirty},
                              {"tool_hash", from.tool_hash}, {"library_hash", from.library_hash},
                              {"command", from.command},     {"variables", from.variables}};
  if (!from.cuda.empty()) json["cuda"] = from.cuda;
  if (!from.driver.empty()) json["driver"] = from.driver;
  return json;
}

}  // namespace stretto::perf
