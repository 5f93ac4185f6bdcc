#include "device/window_shapes.hpp"

#include <algorithm>

namespace stretto {

device::WindowShape window_shape(int n_ranks, int channels) {
  device::WindowShape shape;
  shape.n_ranks = static_cast<std::uint32_t>(n_ranks);
  shape.channels = static_cast<std::uint32_t>(channels);
  shape.packet_slots = 2;
  shape.packet_slot_bytes = n_ranks <= 2 ? 16 << 10 : 4 << 10;
  // A channel of wide packets is one block of threads, one of slots is two.
  shape.wide_channels = n_ranks <= 8 ? 2 * shape.channels : 0;
  shape.wide_packets = n_ranks <= 2 ? 128 : n_ranks <= 4 ? 64 : 32;
  shape.slots = 2;
  shape.slot_bytes = n_ranks <= 2 ? 128 << 10 : n_ranks <= 4 ? 32 << 10 : n_ranks <= 8 ? 16 << 10 : 8 << 10;
  return shape;
}

device::WindowShape graph_window_shape(device::WindowShape shape) {
  shape.slot_bytes = std::max<std::uint32_t>(shape.slot_bytes / 4, 8 << 10);
  // What these cannot hold goes by wide packets.
  shape.packet_slot_bytes = 4 << 10;
  return shape;
}

int lanes_of_a_bank(const device::WindowShape& shape) {
  return static_cast<int>(std::clamp<std::size_t>((std::size_t{42} << 20) / shape.bytes(), 2, 8));
}

}  // namespace stretto
