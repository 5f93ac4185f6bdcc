// ncclConfig_t of any version that a caller was built with, and what becomes of its fields here.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/nccl/environment.hpp"
#include "frontends/nccl/include/nccl.h"
#include "stretto/stretto.h"

namespace stretto::nccl {

constexpr unsigned int kConfigMagic = 0xcafebeef;

/// The fields of all versions up to 2.30, in their order.
struct WholeConfig {
  size_t size;
  unsigned int magic;
  unsigned int version;
  int blocking;
  int cgaClusterSize;
  int minCTAs;
  int maxCTAs;
  const char* netName;
  int splitShare;
  int trafficClass;
  const char* commName;
  int collnetEnable;
  int CTAPolicy;
  int shrinkShare;
  int nvlsCTAs;
  int nChannelsPerNetPeer;
  int nvlinkCentricSched;
  int graphUsageMode;
  int numRmaCtx;
  int maxP2pPeers;
  int graphStreamOrdering;
};

/// A number that a config may hold.
struct FieldRow {
  std::string_view name;
  int WholeConfig::*field;
  unsigned int since;  ///< version of the first header that has it
  int least;
  int most;
  /// What is said, once, of a value that has no effect; "": it has, or none is wanted.
  std::string_view why_without_effect;
};
std::span<const FieldRow> field_rows() noexcept;

/// What a config comes to.
struct ReadConfig {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;  ///< but for its name
  std::optional<std::string> name;
  std::vector<std::string> without_effect;  ///< one text for each field that was set and has none

  /// With the name, as long as this lives where it is.
  strettoConfig_t whole() const {
    strettoConfig_t result = config;
    result.name = name ? name->c_str() : nullptr;
    return result;
  }
};

/// ncclSuccess, or ncclInvalidArgument with `trouble` saying why. A config of NULL leaves all to its defaults. The
/// device is left open. `defaults`: what the environment sets where the config leaves it open.
ncclResult_t read_config(const ncclConfig_t* given, ReadConfig& read, std::string& trouble,
                         const Defaults& defaults = {});

/// Logs each text the first time that this process meets it.
void say_once(std::span<const std::string> texts) noexcept;

}  // namespace stretto::nccl
