// Whether RDMA devices take memory that is not the system's: memory of GPUs, of which drivers hand out DMA buffers. A
// device is asked to register one that there is not, and its refusal tells: one that could says that the descriptor is
// bad.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <string>

#include "base/text.hpp"
#include "topology/probe/draft.hpp"
#include "topology/probe/verbs_functions.hpp"

namespace stretto::topology {
namespace {

constexpr const char* kUnseen = ": whether RDMA devices can register memory of GPUs is not known";
constexpr int kNoDescriptor = -1;
constexpr std::size_t kBytes = 4096;

std::string reason() { return errno == 0 ? "no reason given" : std::strerror(errno); }

/// NVIDIA's driver hands out memory as DMA buffers if its kernel modules are the open ones.
bool gpus_hand_out_buffers(const SystemFiles& files) {
  return files.head("/proc/driver/nvidia/version").find("Open Kernel Module") != std::string::npos;
}

class Session {
 public:
  Session(const verbs::Functions& functions, const SystemFiles& files, Draft& draft)
      : functions_(functions), files_(files), draft_(draft) {}

  void run() {
    for (const DraftNet& entry : draft_.nets) {
      if (entry.net.port) unlisted_.insert(entry.net.name);
    }
    int n_devices = 0;
    errno = 0;
    verbs::Device** const devices = functions_.list(&n_devices);
    if (devices == nullptr) {
      return draft_.remark(RemarkKind::missing, "libibverbs", format(" lists no devices ({}){}", reason(), kUnseen));
    }
    for (int i = 0; i < n_devices; ++i) look_at(devices[i]);
    functions_.free_list(devices);
    for (const std::string& name : unlisted_) {
      draft_.remark(RemarkKind::unreadable, name,
                    format(": libibverbs does not list it, which may lack its driver{}", kUnseen));
    }
  }

 private:
  void look_at(verbs::Device* device) {
    const char* const name = functions_.name(device);
    if (unlisted_.erase(name) == 0) return;  // no port of it is in the machine
    errno = 0;
    verbs::Context* const context = functions_.open(device);
    if (context == nullptr) {
      return draft_.remark(RemarkKind::unreadable, name,
                           format(": cannot be opened ({}; its file in /dev/infiniband must be open to this user){}",
                                  reason(), kUnseen));
    }
    errno = 0;
    if (verbs::Domain* const domain = functions_.allocate_domain(context)) {
      ask(name, domain);
      functions_.free_domain(domain);
    } else {
      draft_.remark(RemarkKind::unreadable, name, format(": gives no protection domain ({}){}", reason(), kUnseen));
    }
    functions_.close(context);
  }

  void ask(const char* name, verbs::Domain* domain) {
    errno = 0;
    verbs::Region* const region =
        functions_.register_buffer(domain, 0, kBytes, 0, kNoDescriptor, verbs::kAccessLocalWrite);
    const bool cannot = region == nullptr && (errno == EOPNOTSUPP || errno == EPROTONOSUPPORT || errno == ENOSYS);
    const bool can = region != nullptr || errno == EBADF;
    if (!can && !cannot) {
      return draft_.remark(RemarkKind::unreadable, name,
                           format(": does not say whether it can register DMA buffers ({}){}", reason(), kUnseen));
    }
    if (region != nullptr) functions_.deregister(region);
    for (DraftNet& entry : draft_.nets) {
      if (!entry.net.port || entry.net.name != name) continue;
      entry.net.dma_buffers = can;
      if (can && gpus_hand_out_buffers(files_)) entry.net.direct_rdma = true;
    }
  }

  const verbs::Functions& functions_;
  const SystemFiles& files_;
  Draft& draft_;
  std::set<std::string> unlisted_;  ///< devices with a port in the machine that libibverbs has not named
};

}  // namespace

void ask_verbs(const Sight& sight, Draft& draft) {
  const std::string& name = sight.options.verbs_library;
  const bool any = std::ranges::any_of(draft.nets, [](const DraftNet& entry) { return entry.net.port.has_value(); });
  if (name.empty() || !any) return;
  const SharedLibrary library(name);
  if (!library) return draft.remark(RemarkKind::missing, name, std::string(" was not found") + kUnseen);
  verbs::Functions functions;
  if (!functions.find(library)) {
    return draft.remark(RemarkKind::missing, name,
                        std::string(" is of an rdma-core older than 34, which knows no DMA buffers") + kUnseen);
  }
  Session(functions, sight.files, draft).run();
}

}  // namespace stretto::topology
