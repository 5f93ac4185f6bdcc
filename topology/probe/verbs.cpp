// Whether RDMA devices take memory that is not the system's: memory of GPUs. A device is asked to register a DMA buffer
// that there is not, and its refusal tells: one that could says that the descriptor is bad. Drivers' older way, by
// which GPUs' memory is registered by its address, is a kernel module that /sys shows.
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <string>

#include "base/text.hpp"
#include "topology/probe/draft.hpp"
#include "topology/probe/verbs_functions.hpp"

namespace stretto::topology {
namespace {

constexpr const char* kUnseen = ": whether RDMA devices can register memory of GPUs is not known";
constexpr int kNoDescriptor = -1;
constexpr std::size_t kBytes = 4096;
constexpr int kWritten = 1;  ///< IBV_ACCESS_LOCAL_WRITE

class Session {
 public:
  Session(const verbs::Functions& functions, Draft& draft) : functions_(functions), draft_(draft) {}

  void run() {
    int n_devices = 0;
    verbs::Device** const devices = functions_.list(&n_devices);
    if (devices == nullptr) return;
    for (int i = 0; i < n_devices; ++i) look_at(devices[i]);
    functions_.free_list(devices);
  }

 private:
  void look_at(verbs::Device* device) {
    const char* const name = functions_.name(device);
    bool shows = false;
    for (const DraftNet& entry : draft_.nets) shows = shows || (entry.net.port && entry.net.name == name);
    if (!shows) return;
    errno = 0;
    verbs::Context* const context = functions_.open(device);
    if (context == nullptr) {
      const char* const why = errno == 0 ? "no reason given" : std::strerror(errno);
      return draft_.remark(
          RemarkKind::unreadable, name,
          format(": cannot be opened ({}; its file in /dev/infiniband must be open to this user){}", why, kUnseen));
    }
    if (verbs::Domain* const domain = functions_.allocate_domain(context)) {
      const bool takes = takes_buffers(domain);
      for (DraftNet& entry : draft_.nets) {
        if (entry.net.port && entry.net.name == name) entry.net.dma_buffers = takes;
      }
      functions_.free_domain(domain);
    }
    functions_.close(context);
  }

  bool takes_buffers(verbs::Domain* domain) {
    if (functions_.register_buffer == nullptr) return false;
    errno = 0;
    if (verbs::Region* const region = functions_.register_buffer(domain, 0, kBytes, 0, kNoDescriptor, kWritten)) {
      functions_.deregister(region);
      return true;
    }
    return errno != EOPNOTSUPP && errno != EPROTONOSUPPORT && errno != ENOSYS;
  }

  const verbs::Functions& functions_;
  Draft& draft_;
};

/// nvidia_peermem, or nv_peer_mem before it.
bool has_peer_memory(const SystemFiles& files) {
  return files.exists("/sys/module/nvidia_peermem") || files.exists("/sys/kernel/mm/memory_peers/nv_mem");
}

}  // namespace

void ask_verbs(const Sight& sight, Draft& draft) {
  bool any = false;
  const bool by_address = has_peer_memory(sight.files);
  for (DraftNet& entry : draft.nets) {
    if (!entry.net.port) continue;
    any = true;
    if (by_address) entry.net.direct_rdma = true;
  }
  const std::string& name = sight.options.verbs_library;
  if (name.empty() || !any) return;
  const SharedLibrary library(name);
  if (!library) return draft.remark(RemarkKind::missing, name, std::string(" was not found") + kUnseen);
  verbs::Functions functions;
  if (!functions.find(library)) {
    return draft.remark(RemarkKind::missing, name, std::string(" lacks functions that all versions have") + kUnseen);
  }
  Session(functions, draft).run();
}

}  // namespace stretto::topology
