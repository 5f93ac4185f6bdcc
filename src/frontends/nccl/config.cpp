#include "frontends/nccl/config.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <set>

#include "base/fork.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace stretto::nccl {
namespace {

constexpr int kMost = INT_MAX;
constexpr std::string_view kSms = "kernels take as many blocks as their plans have channels";
constexpr std::string_view kShares = "communicators share nothing";
constexpr std::string_view kNetwork = "all ranks are on one host";

constexpr std::array kRows = {
    FieldRow{"blocking", &WholeConfig::blocking, 21400, 0, 1, ""},
    FieldRow{"cgaClusterSize", &WholeConfig::cgaClusterSize, 21700, 0, kMost, "kernels have no clusters"},
    FieldRow{"minCTAs", &WholeConfig::minCTAs, 21700, 1, kMost, kSms},
    FieldRow{"maxCTAs", &WholeConfig::maxCTAs, 21700, 1, kMost, ""},
    FieldRow{"splitShare", &WholeConfig::splitShare, 21800, 0, 1, kShares},
    FieldRow{"trafficClass", &WholeConfig::trafficClass, 22500, INT_MIN, kMost, kNetwork},
    FieldRow{"collnetEnable", &WholeConfig::collnetEnable, 22700, 0, 1, kNetwork},
    FieldRow{"CTAPolicy", &WholeConfig::CTAPolicy, 22700, 0, 3, kSms},
    FieldRow{"shrinkShare", &WholeConfig::shrinkShare, 22700, 0, 1, kShares},
    FieldRow{"nvlsCTAs", &WholeConfig::nvlsCTAs, 22700, 1, kMost, "NVLink multicast is not used"},
    FieldRow{"nChannelsPerNetPeer", &WholeConfig::nChannelsPerNetPeer, 22800, 1, 64, kNetwork},
    FieldRow{"nvlinkCentricSched", &WholeConfig::nvlinkCentricSched, 22800, 0, 1,
             "plans are chosen for NVLink already"},
    FieldRow{"graphUsageMode", &WholeConfig::graphUsageMode, 22900, 0, 2, "graphs and eager calls may always be mixed"},
    FieldRow{"numRmaCtx", &WholeConfig::numRmaCtx, 22900, 0, kMost, "one-sided communication is not served"},
    FieldRow{"maxP2pPeers", &WholeConfig::maxP2pPeers, 23000, 1, kMost, "all peers are connected"},
    FieldRow{"graphStreamOrdering", &WholeConfig::graphStreamOrdering, 23005, 0, 1,
             "graphs in different streams may run side by side"},
};

/// What this process has been told.
struct Said {
  std::mutex mutex;
  std::set<std::string> texts;
};
PerProcess<Said> said_of_process;

/// What is off needs no word.
bool asks_for_nothing(const FieldRow& row, int value) {
  return value == 0 && row.least == 0 && row.field != &WholeConfig::graphUsageMode &&
         row.field != &WholeConfig::graphStreamOrdering;
}

ncclResult_t copy(const ncclConfig_t* given, WholeConfig& whole, std::string& trouble) {
  std::memset(&whole, 0, sizeof whole);
  for (const FieldRow& row : kRows) whole.*row.field = NCCL_CONFIG_UNDEF_INT;
  if (given == nullptr) return ncclSuccess;
  // The caller's struct may be of another size than ours: nothing beyond its own is read.
  std::size_t size = 0;
  std::memcpy(&size, given, sizeof size);
  if (size < offsetof(WholeConfig, blocking)) {
    trouble = format("config.size is {}: start the struct from NCCL_CONFIG_INITIALIZER", size);
    return ncclInvalidArgument;
  }
  std::memcpy(&whole, given, std::min(size, sizeof whole));
  if (whole.magic != kConfigMagic) {
    trouble = "config.magic is not NCCL's: start the struct from NCCL_CONFIG_INITIALIZER";
    return ncclInvalidArgument;
  }
  // A field that the caller's header does not have lies in what may be padding there.
  for (const FieldRow& row : kRows) {
    if (whole.version < row.since) whole.*row.field = NCCL_CONFIG_UNDEF_INT;
  }
  if (whole.version < 21700) whole.netName = nullptr;
  if (whole.version < 22700) whole.commName = nullptr;
  return ncclSuccess;
}

ncclResult_t check(const WholeConfig& whole, std::string& trouble) {
  for (const FieldRow& row : kRows) {
    const int value = whole.*row.field;
    if (value == NCCL_CONFIG_UNDEF_INT || (value >= row.least && value <= row.most)) continue;
    trouble = row.most == kMost
                  ? format("config.{} is {}: it must be {} or more", row.name, value, row.least)
                  : format("config.{} is {}: it must be from {} to {}", row.name, value, row.least, row.most);
    return ncclInvalidArgument;
  }
  const bool both = whole.minCTAs != NCCL_CONFIG_UNDEF_INT && whole.maxCTAs != NCCL_CONFIG_UNDEF_INT;
  if (both && whole.minCTAs > whole.maxCTAs) {
    trouble = format("config.minCTAs is {}, and more than config.maxCTAs, {}", whole.minCTAs, whole.maxCTAs);
    return ncclInvalidArgument;
  }
  return ncclSuccess;
}

/// To a config that has been checked: what it says goes before.
void apply(const Defaults& defaults, WholeConfig& whole, ReadConfig& read) {
  if (defaults.blocking && whole.blocking == NCCL_CONFIG_UNDEF_INT) whole.blocking = *defaults.blocking;
  if (!defaults.max_ctas || whole.maxCTAs != NCCL_CONFIG_UNDEF_INT) return;
  if (whole.minCTAs != NCCL_CONFIG_UNDEF_INT && whole.minCTAs > *defaults.max_ctas) {
    read.without_effect.push_back(format("NCCL_MAX_CTAS={} has no effect beside config.minCTAs={}, which is more",
                                         *defaults.max_ctas, whole.minCTAs));
    return;
  }
  whole.maxCTAs = *defaults.max_ctas;
}

}  // namespace

std::span<const FieldRow> field_rows() noexcept { return kRows; }

ncclResult_t read_config(const ncclConfig_t* given, ReadConfig& read, std::string& trouble, const Defaults& defaults) {
  WholeConfig whole;
  ncclResult_t result = copy(given, whole, trouble);
  if (result == ncclSuccess) result = check(whole, trouble);
  if (result != ncclSuccess) return result;
  apply(defaults, whole, read);
  if (whole.blocking != NCCL_CONFIG_UNDEF_INT) read.config.blocking = whole.blocking;
  // Two blocks of a kernel for each channel; and a channel at least.
  if (whole.maxCTAs != NCCL_CONFIG_UNDEF_INT) read.config.max_channels = std::clamp(whole.maxCTAs / 2, 1, 64);
  if (whole.commName != nullptr) read.name = whole.commName;
  for (const FieldRow& row : kRows) {
    const int value = whole.*row.field;
    if (value == NCCL_CONFIG_UNDEF_INT || row.why_without_effect.empty() || asks_for_nothing(row, value)) continue;
    read.without_effect.push_back(format("config.{}={} has no effect: {}", row.name, value, row.why_without_effect));
  }
  if (whole.netName != nullptr) {
    read.without_effect.push_back(format("config.netName={} has no effect: {}", whole.netName, kNetwork));
  }
  return ncclSuccess;
}

void say_once(std::span<const std::string> texts) noexcept {
  try {
    Said& said = said_of_process.get();
    for (const std::string& text : texts) {
      const std::lock_guard lock(said.mutex);
      if (said.texts.insert(text).second) log(LogLevel::info, "event=nccl_config text=\"{}\"", text);
    }
  } catch (const std::exception&) {  // then unsaid
  }
}

}  // namespace stretto::nccl
