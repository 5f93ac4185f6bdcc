// The transports that the conformance suite runs on: a row each.
#include <array>

#include "conformance.hpp"
#include "support/forwarding_system.hpp"
#include "transports/shm/shm_transport.hpp"

namespace stretto {
namespace {

std::unique_ptr<Transport> shm(System& system, const TransportConfig& config) {
  return make_shm_transport(system, config);
}

/// Its counters wrap after two rounds of slots.
std::unique_ptr<Transport> shm_before_wrap(System& system, const TransportConfig& config) {
  return make_shm_transport(system, config, 0U - 2 * config.slots);
}

System& stall_free_system() {
  static StallFreeSystem system;
  return system;
}

System& one_mapping_system() {
  static OneMappingSystem system;
  return system;
}

constexpr std::array<TransportFactory, 3> kFactories = {{
    {"shm", shm, stall_free_system},
    {"shm_before_wrap", shm_before_wrap, stall_free_system},
    {"shm_one_mapping", shm_before_wrap, one_mapping_system},  // the one that ThreadSanitizer can judge
}};

}  // namespace

std::span<const TransportFactory> transport_factories() { return kFactories; }

}  // namespace stretto
