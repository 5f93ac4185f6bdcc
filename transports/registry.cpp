// Every transport, best first. A new one adds its row here and its folder beside this file.
#include <array>
#include <utility>

#include "transports/cuda_ipc/cuda_ipc_windows.hpp"
#include "transports/shm/shm_transport.hpp"
#include "transports/transport.hpp"

namespace stretto {
namespace {

bool share_a_host(const HostIdentity& a, const HostIdentity& b) { return a.host_id == b.host_id; }

std::unique_ptr<Transport> make_shm(System& system, const TransportConfig& config) {
  return make_shm_transport(system, config);
}

constexpr std::array<TransportRow, 1> kRows = {{
    {"shm", share_a_host, make_shm},
}};

}  // namespace

std::span<const TransportRow> transport_rows() noexcept { return kRows; }

std::unique_ptr<PeerWindows> make_peer_windows(std::shared_ptr<Gpu> gpu, const device::WindowShape& shape, Rank rank,
                                               int lanes) {
  return std::make_unique<CudaIpcWindows>(std::move(gpu), shape, rank, lanes);
}

}  // namespace stretto
