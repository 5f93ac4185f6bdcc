// The part of libibverbs' interface that verbs.cpp uses, declared anew from its manual pages (ibv_get_device_list(3),
// ibv_open_device(3), ibv_alloc_pd(3), ibv_reg_mr(3)).
#pragma once

#include <cstddef>
#include <cstdint>

#include "topology/probe/shared_library.hpp"

namespace stretto::topology::verbs {

using Device = void;
using Context = void;
using Domain = void;  ///< of protection
using Region = void;

inline constexpr int kAccessLocalWrite = 1;

struct Functions {
  Device** (*list)(int*) = nullptr;
  void (*free_list)(Device**) = nullptr;
  const char* (*name)(Device*) = nullptr;
  Context* (*open)(Device*) = nullptr;
  int (*close)(Context*) = nullptr;
  Domain* (*allocate_domain)(Context*) = nullptr;
  int (*free_domain)(Domain*) = nullptr;
  /// Offset, bytes, address for the peer, descriptor of the DMA buffer, access. nullptr, and errno: not registered.
  Region* (*register_buffer)(Domain*, std::uint64_t, std::size_t, std::uint64_t, int, int) = nullptr;
  int (*deregister)(Region*) = nullptr;

  /// false: one is not there.
  bool find(const SharedLibrary& library) {
    return library.find("ibv_reg_dmabuf_mr", register_buffer) && library.find("ibv_get_device_list", list) &&
           library.find("ibv_free_device_list", free_list) && library.find("ibv_get_device_name", name) &&
           library.find("ibv_open_device", open) && library.find("ibv_close_device", close) &&
           library.find("ibv_alloc_pd", allocate_domain) && library.find("ibv_dealloc_pd", free_domain) &&
           library.find("ibv_dereg_mr", deregister);
  }
};

}  // namespace stretto::topology::verbs
