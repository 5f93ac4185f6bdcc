#include "topology/probe/fake_verbs.hpp"

#include <cerrno>
#include <cstdint>

namespace stretto::test {
namespace {

FakeVerbs state;  // NOLINT: a library has one
std::array<FakeRdmaDevice*, 5> listed{};

}  // namespace
}  // namespace stretto::test

using stretto::test::FakeRdmaDevice;
using stretto::test::FakeVerbs;
using stretto::test::listed;
using stretto::test::state;

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED FakeVerbs* fake_verbs_state() { return &state; }

EXPORTED void** ibv_get_device_list(int* count) {
  if (state.list_errno != 0) {
    errno = state.list_errno;
    return nullptr;
  }
  for (std::size_t i = 0; i < state.n_devices; ++i) listed.at(i) = &state.devices.at(i);
  listed.at(state.n_devices) = nullptr;
  *count = static_cast<int>(state.n_devices);
  ++state.n_held;
  return reinterpret_cast<void**>(listed.data());
}
EXPORTED void ibv_free_device_list(void** /*list*/) { --state.n_held; }
EXPORTED const char* ibv_get_device_name(void* device) { return static_cast<FakeRdmaDevice*>(device)->name; }
EXPORTED void* ibv_open_device(void* device) {
  const int why = static_cast<FakeRdmaDevice*>(device)->open_errno;
  if (why != 0) {
    if (why > 0) errno = why;
    return nullptr;
  }
  ++state.n_held;
  return device;
}
EXPORTED int ibv_close_device(void* /*context*/) { return --state.n_held, 0; }
EXPORTED void* ibv_alloc_pd(void* context) {
  if (!static_cast<FakeRdmaDevice*>(context)->has_domain) return nullptr;
  ++state.n_held;
  return context;
}
EXPORTED int ibv_dealloc_pd(void* /*domain*/) { return --state.n_held, 0; }
EXPORTED void* ibv_reg_dmabuf_mr(void* domain, std::uint64_t /*offset*/, std::size_t /*length*/, std::uint64_t /*iova*/,
                                 int descriptor, int /*access*/) {
  const int why = static_cast<FakeRdmaDevice*>(domain)->buffer_errno;
  if (why != 0 || descriptor >= 0) {
    errno = why != 0 ? why : EINVAL;
    return nullptr;
  }
  ++state.n_held;
  return domain;
}
EXPORTED int ibv_dereg_mr(void* /*region*/) { return --state.n_held, 0; }
