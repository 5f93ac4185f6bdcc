// NUMA nodes, their processors and packages as hwloc sees them. On Linux it reads the same files as processors.cpp, and
// knows more of what firmware and kernels get wrong, so where both speak it is the authority. Its headers are needed
// for building this, the library is loaded if it is there.
#include "topology/probe/draft.hpp"

// The second header is one of the processor's architecture: a cross compiler may find the first alone.
#if __has_include(<hwloc.h>) && __has_include(<hwloc/autogen/config.h>)
#include <hwloc.h>
#endif

#if defined(HWLOC_API_VERSION) && HWLOC_API_VERSION >= 0x20000 && HWLOC_API_VERSION < 0x30000

#include <charconv>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "topology/probe/shared_library.hpp"

namespace stretto::topology {
namespace {

/// The functions used, of the signatures that the header declares.
struct Hwloc {
  decltype(&hwloc_get_api_version) version = nullptr;
  decltype(&hwloc_topology_init) init = nullptr;
  decltype(&hwloc_topology_destroy) destroy = nullptr;
  decltype(&hwloc_topology_set_flags) set_flags = nullptr;
  decltype(&hwloc_topology_set_all_types_filter) set_all_filters = nullptr;
  decltype(&hwloc_topology_set_type_filter) set_filter = nullptr;
  decltype(&hwloc_topology_load) load = nullptr;
  decltype(&hwloc_topology_is_thissystem) is_this_system = nullptr;
  decltype(&hwloc_get_type_depth) depth = nullptr;
  decltype(&hwloc_get_obj_by_depth) object = nullptr;
  decltype(&hwloc_bitmap_next) next = nullptr;
  decltype(&hwloc_bitmap_isincluded) is_included = nullptr;

  bool find(const SharedLibrary& library) {
    return library.find("hwloc_get_api_version", version) && library.find("hwloc_topology_init", init) &&
           library.find("hwloc_topology_destroy", destroy) && library.find("hwloc_topology_set_flags", set_flags) &&
           library.find("hwloc_topology_set_all_types_filter", set_all_filters) &&
           library.find("hwloc_topology_set_type_filter", set_filter) && library.find("hwloc_topology_load", load) &&
           library.find("hwloc_topology_is_thissystem", is_this_system) &&
           library.find("hwloc_get_type_depth", depth) && library.find("hwloc_get_obj_by_depth", object) &&
           library.find("hwloc_bitmap_next", next) && library.find("hwloc_bitmap_isincluded", is_included);
  }
};

class LoadedTopology {
 public:
  explicit LoadedTopology(const Hwloc& hwloc) : hwloc_(hwloc) {
    if (hwloc_.init(&topology_) != 0) topology_ = nullptr;
  }
  LoadedTopology(const LoadedTopology&) = delete;
  LoadedTopology& operator=(const LoadedTopology&) = delete;
  ~LoadedTopology() {
    if (topology_ != nullptr) hwloc_.destroy(topology_);
  }

  /// Only what is asked for below, since caches and cores would cost most of the time, and groups: without them, NUMA
  /// nodes that are parts of a package would take all of its processors. What a container withholds of the processors
  /// is still there.
  bool load() {
    if (topology_ == nullptr) return false;
    hwloc_.set_flags(topology_, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    hwloc_.set_all_filters(topology_, HWLOC_TYPE_FILTER_KEEP_NONE);
    hwloc_.set_filter(topology_, HWLOC_OBJ_PACKAGE, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_.set_filter(topology_, HWLOC_OBJ_GROUP, HWLOC_TYPE_FILTER_KEEP_STRUCTURE);
    return hwloc_.load(topology_) == 0;
  }

  bool is_this_system() const { return hwloc_.is_this_system(topology_) != 0; }

  void fill(Draft& draft) const {
    std::set<std::int32_t> taken;
    for (unsigned i = 0; hwloc_obj_t object = hwloc_.object(topology_, HWLOC_TYPE_DEPTH_NUMANODE, i); ++i) {
      if (object->os_index > 0xffff || object->cpuset == nullptr) continue;
      const auto id = static_cast<std::int32_t>(object->os_index);
      std::vector<std::int32_t> processors;
      for (int at = hwloc_.next(object->cpuset, -1); at >= 0 && at < kMostProcessors;  // may be infinite
           at = hwloc_.next(object->cpuset, at)) {
        if (taken.insert(at).second) processors.push_back(at);
      }
      // A node of memory alone: hwloc gives it the processors of another one near it.
      if (processors.empty()) {
        draft.numa.erase(id);
        continue;
      }
      NumaNode& node = draft.numa[id];
      node.numa_id = id;
      node.processors = std::move(processors);
      fill_package(object, node);
    }
  }

 private:
  void fill_package(hwloc_obj_t numa, NumaNode& node) const {
    const int depth = hwloc_.depth(topology_, HWLOC_OBJ_PACKAGE);
    if (depth < 0 || node.processors.empty()) return;
    for (unsigned i = 0; hwloc_obj_t package = hwloc_.object(topology_, depth, i); ++i) {
      if (package->cpuset == nullptr || hwloc_.is_included(numa->cpuset, package->cpuset) == 0) continue;
      if (package->os_index <= 0xffff) node.package = static_cast<std::int32_t>(package->os_index);
      node.vendor = info(package, "CPUVendor");
      node.family = number(info(package, "CPUFamilyNumber"));
      node.model = number(info(package, "CPUModelNumber"));
      return;
    }
  }

  static std::string info(hwloc_obj_t object, std::string_view name) {
    for (unsigned i = 0; i < object->infos_count; ++i) {
      if (object->infos[i].name == name) return object->infos[i].value;
    }
    return "";
  }

  static std::optional<std::int32_t> number(const std::string& text) {
    std::int32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
  }

  const Hwloc& hwloc_;
  hwloc_topology_t topology_ = nullptr;
};

constexpr const char* kInstead = ": packages and NUMA nodes are seen as /sys has them";

}  // namespace

void ask_hwloc(const Sight& sight, Draft& draft) {
  const std::string& name = sight.options.hwloc_library;
  if (name.empty()) return;
  const SharedLibrary library(name);
  Hwloc hwloc;
  if (!library) return draft.remark(RemarkKind::missing, name, std::string(" was not found") + kInstead);
  if (!hwloc.find(library) || hwloc.version() >> 16 != HWLOC_API_VERSION >> 16) {
    return draft.remark(RemarkKind::missing, name, std::string(" is not of version 2 of hwloc") + kInstead);
  }
  LoadedTopology topology(hwloc);
  if (!topology.load()) return draft.remark(RemarkKind::unreadable, name, std::string(" failed") + kInstead);
  if (!topology.is_this_system()) {
    return draft.remark(RemarkKind::left_out, name,
                        std::string(" was told of another machine (HWLOC_XMLFILE, HWLOC_SYNTHETIC)") + kInstead);
  }
  topology.fill(draft);
}

}  // namespace stretto::topology

#else

namespace stretto::topology {

void ask_hwloc(const Sight& sight, Draft& draft) {
  if (sight.options.hwloc_library.empty()) return;
  draft.remark(
      RemarkKind::missing, sight.options.hwloc_library,
      " is not asked, since hwloc's headers were not there when stretto was built: packages and NUMA nodes are "
      "seen as /sys has them");
}

}  // namespace stretto::topology

#endif
