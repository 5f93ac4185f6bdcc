// The operations of MSCCL++ that have an equal here: a table.
#include <array>

#include "foreign/mscclpp_file.hpp"

namespace stretto::foreign {
namespace {

using Do = MscclppDo;

constexpr std::array kKinds = {
    // name, does, reads packets, writes packets, signals, relaxed
    MscclppKind{"nop", Do::nothing},
    MscclppKind{"flush", Do::nothing},
    MscclppKind{"barrier", Do::barrier},
    MscclppKind{"sem_acquire", Do::acquire},
    MscclppKind{"sem_release", Do::release},
    MscclppKind{"signal", Do::signal},
    MscclppKind{"wait", Do::wait},
    MscclppKind{"rlxsignal", Do::signal, false, false, false, true},
    MscclppKind{"rlxwait", Do::wait, false, false, false, true},
    MscclppKind{"copy", Do::transfer},
    MscclppKind{"cpkt", Do::transfer},
    MscclppKind{"upkt", Do::transfer, true},
    MscclppKind{"put", Do::transfer},
    MscclppKind{"ppkt", Do::transfer, false, true},
    MscclppKind{"pws", Do::transfer, false, false, true},
    MscclppKind{"pwsf", Do::transfer, false, false, true},
    MscclppKind{"get", Do::transfer},
    MscclppKind{"rppkt", Do::spread, true, true},
    MscclppKind{"re", Do::add},
    MscclppKind{"res", Do::add},
    MscclppKind{"rre", Do::add},
    MscclppKind{"rres", Do::add},
    MscclppKind{"repkt", Do::add, true},
    MscclppKind{"recpkt", Do::add, true},
    MscclppKind{"respkt", Do::add, true, true},
    MscclppKind{"recspkt", Do::add, true, true}};

}  // namespace

const MscclppKind* mscclpp_kind(std::string_view name) noexcept {
  for (const MscclppKind& kind : kKinds) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

}  // namespace stretto::foreign
