#include "perf/common/nccl.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace stretto::perf {
namespace {

// What Calls::check, a plain function, needs of the one library that a process loads.
const char* (*error_string)(strettoResult_t) = nullptr;
const char* (*last_error)(strettoComm_t) = nullptr;

void check_nccl(strettoResult_t result, strettoComm_t comm) {
  if (result == strettoSuccess || result == strettoInProgress) return;
  std::string text = std::string("NCCL: ") + error_string(result);
  const char* const more = last_error == nullptr ? nullptr : last_error(comm);
  if (more != nullptr && *more != '\0') text += std::string(": ") + more;
  throw std::runtime_error(text);
}

template <typename Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
}

template <typename T>
bool read_at(std::ifstream& file, std::uint64_t offset, T* into, std::size_t count) {
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(reinterpret_cast<char*>(into), static_cast<std::streamsize>(count * sizeof(T)));
  return file.good();
}

}  // namespace

bool exports_prefix(const std::string& path, const std::string& prefix) {
  std::ifstream file(path, std::ios::binary);
  ElfW(Ehdr) header{};
  if (!read_at(file, 0, &header, 1) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return false;
  std::vector<ElfW(Shdr)> sections(header.e_shnum);
  if (!read_at(file, header.e_shoff, sections.data(), sections.size())) return false;
  for (const auto& section : sections) {
    if (section.sh_type != SHT_DYNSYM || section.sh_link >= sections.size()) continue;
    std::vector<ElfW(Sym)> symbols(section.sh_size / sizeof(ElfW(Sym)));
    std::vector<char> names(sections[section.sh_link].sh_size + 1, '\0');
    if (!read_at(file, section.sh_offset, symbols.data(), symbols.size())) return false;
    if (!read_at(file, sections[section.sh_link].sh_offset, names.data(), names.size() - 1)) return false;
    for (const auto& symbol : symbols) {
      if (symbol.st_shndx == SHN_UNDEF || symbol.st_name >= names.size()) continue;
      if (std::strncmp(&names[symbol.st_name], prefix.c_str(), prefix.size()) == 0) return true;
    }
  }
  return false;
}

const Nccl& Nccl::load(const std::string& file, Whose whose) {
  static std::mutex mutex;
  static std::unique_ptr<const Nccl> loaded;
  const std::lock_guard lock(mutex);
  if (!loaded) loaded.reset(new Nccl(file, whose));
  return *loaded;
}

Nccl::Nccl(const std::string& file, Whose whose) : whose_(whose) {
  // Never closed: its threads and its CUDA state do not take that well.
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw std::runtime_error("--compare: cannot load NCCL: " + std::string(dlerror()) +
                             "; name its file with --compare nccl=FILE");
  }
  link_map* map = nullptr;
  path_ = dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 ? map->l_name : file;
  // Its own symbols, and those of a libstretto that it is linked to.
  const bool is_strettos = exports_prefix(path_, "stretto") || dlsym(library, "strettoGetVersion") != nullptr;
  if (!is_strettos && whose == Whose::strettos_drop_in) {
    throw std::runtime_error("--compare: " + path_ + " is not stretto's drop-in for NCCL: give nccl=FILE for NVIDIA's");
  }
  if (is_strettos && whose == Whose::nvidias) {
    throw std::runtime_error("--compare: " + path_ +
                             " is stretto's own drop-in for NCCL: name NVIDIA's file with --compare nccl=FILE");
  }
  find_functions(library);
}

void Nccl::find_functions(void* library) {
  strettoResult_t (*get_version)(int*) = nullptr;
  find(library, "ncclGetVersion", get_version);
  find(library, "ncclGetErrorString", error_string);
  find(library, "ncclGetLastError", last_error);
  find(library, "ncclGetUniqueId", get_unique_id_);
  find(library, "ncclCommInitRank", init_rank_);
  find(library, "ncclCommDestroy", destroy_);
  find(library, "ncclAllReduce", calls_.all_reduce);
  find(library, "ncclAllGather", calls_.all_gather);
  find(library, "ncclBroadcast", calls_.broadcast);
  find(library, "ncclReduceScatter", calls_.reduce_scatter);
  find(library, "ncclReduce", calls_.reduce);
  find(library, "ncclAlltoAll", calls_.all_to_all);
  find(library, "ncclGather", calls_.gather);
  find(library, "ncclScatter", calls_.scatter);
  find(library, "ncclSend", calls_.send);
  find(library, "ncclRecv", calls_.receive);
  find(library, "ncclGroupStart", calls_.group_start);
  find(library, "ncclGroupEnd", calls_.group_end);
  find(library, "ncclRedOpCreatePreMulSum", calls_.make_pre_mul_sum);
  find(library, "ncclRedOpDestroy", calls_.destroy_op);
  find(library, "ncclCommRegister", calls_.register_buffer);
  find(library, "ncclCommGetAsyncError", calls_.async_error);
  calls_.check = check_nccl;
  int number = 0;
  const bool whole = get_version != nullptr && error_string != nullptr && get_unique_id_ != nullptr &&
                     init_rank_ != nullptr && destroy_ != nullptr && calls_.all_reduce != nullptr &&
                     calls_.all_gather != nullptr && calls_.broadcast != nullptr && calls_.reduce_scatter != nullptr &&
                     calls_.reduce != nullptr && calls_.send != nullptr && calls_.receive != nullptr &&
                     calls_.group_start != nullptr && calls_.group_end != nullptr && calls_.async_error != nullptr &&
                     get_version(&number) == strettoSuccess;
  version_ =
      std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." + std::to_string(number % 100);
  const bool recent = calls_.all_to_all != nullptr && calls_.gather != nullptr && calls_.scatter != nullptr &&
                      calls_.make_pre_mul_sum != nullptr && calls_.destroy_op != nullptr &&
                      calls_.register_buffer != nullptr;
  if (!whole || !recent) {
    throw std::runtime_error("--compare: " + path_ + " (version " + version_ +
                             ") lacks functions of NCCL: version 2.28 or later has all that are compared");
  }
}

strettoUniqueId Nccl::make_unique_id() const {
  strettoUniqueId id{};
  check_nccl(get_unique_id_(&id), nullptr);
  return id;
}

void Nccl::join(strettoComm_t* comm, int n_ranks, const strettoUniqueId& id, int rank) const {
  check_nccl(init_rank_(comm, n_ranks, id, rank), nullptr);
}

void Nccl::destroy(strettoComm_t comm) const noexcept { destroy_(comm); }

}  // namespace stretto::perf
