// NCCL, loaded at run time to be measured beside stretto. Only the functions that the tools call are declared, by the
// shapes that they share with stretto's.
#pragma once

#include <string>

#include "perf/common/calls.hpp"
#include "perf/common/options.hpp"

namespace stretto::perf {

class Nccl {
 public:
  /// Whose file it must be: a comparison of stretto with itself by mistake would look splendid.
  enum class Whose { nvidias, strettos_drop_in };

  /// The library of this process. The first call loads `file`, as dlopen finds it; throws std::runtime_error if it
  /// cannot be loaded, lacks a function, or is not whose it should be.
  static const Nccl& load(const std::string& file, Whose whose = Whose::nvidias);

  const Calls& calls() const noexcept { return calls_; }
  /// Of the file that was loaded.
  const std::string& path() const noexcept { return path_; }
  /// "2.28.9": the drop-in, too, answers so.
  const std::string& version() const noexcept { return version_; }
  /// "NCCL 2.28.9".
  std::string name() const { return (whose_ == Whose::nvidias ? "NCCL " : "stretto's drop-in for NCCL ") + version_; }

  strettoUniqueId make_unique_id() const;
  /// Joins as `rank` on the current device. Within a group of calls() the handle is written by its end.
  void join(strettoComm_t* comm, int n_ranks, const strettoUniqueId& id, int rank) const;
  void destroy(strettoComm_t comm) const noexcept;

 private:
  Nccl(const std::string& file, Whose whose);
  void find_functions(void* library);

  Whose whose_;
  std::string path_;
  std::string version_;
  Calls calls_{};
  strettoResult_t (*get_unique_id_)(strettoUniqueId*) = nullptr;
  strettoResult_t (*init_rank_)(strettoComm_t*, int, strettoUniqueId, int) = nullptr;
  strettoResult_t (*destroy_)(strettoComm_t) = nullptr;
};

inline Nccl::Whose whose_nccl(const Options& options) {
  return options.nccl_is_drop_in ? Nccl::Whose::strettos_drop_in : Nccl::Whose::nvidias;
}

/// A communicator of NCCL.
class NcclCommunicator {
 public:
  NcclCommunicator() = default;
  NcclCommunicator(const Nccl& nccl, strettoComm_t handle) : nccl_(&nccl), handle_(handle) {}
  NcclCommunicator(NcclCommunicator&& other) noexcept : nccl_(other.nccl_), handle_(other.handle_) {
    other.handle_ = nullptr;
  }
  NcclCommunicator& operator=(NcclCommunicator&& other) noexcept {
    std::swap(nccl_, other.nccl_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~NcclCommunicator() { close(); }
  void close() noexcept {
    if (handle_ != nullptr) nccl_->destroy(handle_);
    handle_ = nullptr;
  }
  strettoComm_t handle() const noexcept { return handle_; }

 private:
  const Nccl* nccl_ = nullptr;
  strettoComm_t handle_ = nullptr;
};

/// Whether a shared library's file exports a symbol that begins with `prefix`. False for what is no such file.
bool exports_prefix(const std::string& path, const std::string& prefix);

}  // namespace stretto::perf
