// Where figures come from: the commit, the binaries, the command, and what of the environment could change them.
#pragma once

#include <string>
#include <vector>

namespace stretto::perf {

struct Provenance {
  std::string commit;        ///< of the sources; "unknown" where they were no git clone
  bool dirty = false;        ///< they had changes beside it
  std::string tool_hash;     ///< of the executable's bytes
  std::string library_hash;  ///< of libstretto's
  std::vector<std::string> command;
  std::vector<std::string> variables;  ///< NAME=value of NCCL_*, STRETTO_* and CUDA_*
  std::string cuda;                    ///< versions; empty without GPUs
  std::string driver;                  ///< NVIDIA's driver; empty if not known
};

/// @param with_gpus whether to ask for their versions, which starts CUDA.
Provenance provenance(bool with_gpus);

/// Written when the sources are built (perf/commit.cmake).
extern const char* const kCommit;
extern const bool kCommitDirty;

}  // namespace stretto::perf
