// The set-up of a device communicator's windows: made, told to all ranks, and mapped.
#include <algorithm>

#include "comm/rank_card.hpp"
#include "comm/setup.hpp"
#include "comm/setup_parts.hpp"
#include "device/window_shapes.hpp"

namespace stretto {
namespace {

constexpr std::byte kLinesArriveWhole{1};

}  // namespace

/// What a device communicator has instead of transports.
void Setup::make_windows() {
  for (Rank peer = 0; peer < membership_.n_ranks; ++peer) {
    const HostIdentity& mine = membership_.topology->identity(membership_.rank);
    const HostIdentity& theirs = membership_.topology->identity(peer);
    if (mine.host_id != theirs.host_id) no_transport(membership_.rank, mine, peer, theirs);
  }
  membership_.gpu = membership_.settings.gpu;
  const device::WindowShape shape = window_shape(membership_.n_ranks, membership_.max_channels);
  const device::WindowShape of_graphs = graph_window_shape(shape);
  membership_.windows = make_peer_windows(membership_.gpu, shape, membership_.rank, 1);
  membership_.graph_windows =
      make_peer_windows(membership_.gpu, of_graphs, membership_.rank, lanes_of_a_bank(of_graphs));
  const bool arrives =
      std::ranges::all_of(gpu_of_rank_, [&](const GpuUuid& peer) { return membership_.gpu->stores_lines_whole(peer); });
  Descriptions descriptions = {membership_.windows->describe(), membership_.graph_windows->describe()};
  descriptions.push_back({arrives ? kLinesArriveWhole : std::byte{0}});
  gather(encode(descriptions), "exchange of GPU memory");
}

void Setup::start_windows(const std::vector<std::vector<std::byte>>& blobs) {
  const std::vector<Descriptions> by_rank = decode_all(membership_.rank, blobs, decode_descriptions);
  const auto all = windows();
  // Behind the windows' descriptions: what each rank knows of its links.
  membership_.wide_arrives = std::ranges::all_of(by_rank, [&](const Descriptions& descriptions) {
    return descriptions.size() > all.size() && descriptions[all.size()] == std::vector<std::byte>{kLinesArriveWhole};
  });
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::vector<std::vector<std::byte>> of_these;
    for (const Descriptions& descriptions : by_rank) {
      of_these.push_back(i < descriptions.size() ? descriptions[i] : std::vector<std::byte>());
    }
    all[i]->start(of_these, deadline_ns_);
  }
}

}  // namespace stretto
