// Holds what topology/probe declares of libibverbs to the library's own header, where it is there.
#include <gtest/gtest.h>

#if __has_include(<infiniband/verbs.h>)
#include <infiniband/verbs.h>

#include <type_traits>

#include "topology/probe/verbs_functions.hpp"

namespace stretto::topology::verbs {
namespace {

#undef ibv_get_device_list  // the header puts a function of its own before it
#undef ibv_reg_mr

/// A pointer to a structure of theirs is a pointer without a type here; all else is the same.
template <class Theirs, class Ours>
constexpr bool kAlike = std::is_same_v<Theirs, Ours> ||
                        (std::is_pointer_v<Theirs> && std::is_class_v<std::remove_pointer_t<Theirs>> &&
                         std::is_same_v<Ours, void*>) ||
                        (std::is_same_v<Theirs, ibv_device**> && std::is_same_v<Ours, void**>);

template <class TheirResult, class... Theirs, class OurResult, class... Ours>
constexpr bool alike(TheirResult (*)(Theirs...), OurResult (*)(Ours...)) {
  if constexpr (sizeof...(Theirs) != sizeof...(Ours)) {
    return false;
  } else {
    return kAlike<TheirResult, OurResult> && (kAlike<Theirs, Ours> && ...);
  }
}

constexpr Functions kOurs{};
static_assert(alike(&::ibv_get_device_list, kOurs.list));
static_assert(alike(&::ibv_free_device_list, kOurs.free_list));
static_assert(alike(&::ibv_get_device_name, kOurs.name));
static_assert(alike(&::ibv_open_device, kOurs.open));
static_assert(alike(&::ibv_close_device, kOurs.close));
static_assert(alike(&::ibv_alloc_pd, kOurs.allocate_domain));
static_assert(alike(&::ibv_dealloc_pd, kOurs.free_domain));
static_assert(alike(&::ibv_reg_dmabuf_mr, kOurs.register_buffer));
static_assert(alike(&::ibv_dereg_mr, kOurs.deregister));
static_assert(!alike(&::ibv_dereg_mr, kOurs.register_buffer));

TEST(VerbsHeader, Constants_AreThoseOfTheLibrary) { EXPECT_EQ(IBV_ACCESS_LOCAL_WRITE, kAccessLocalWrite); }

}  // namespace
}  // namespace stretto::topology::verbs
#endif
