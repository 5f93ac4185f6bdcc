#include "comm/device_captures.hpp"

namespace stretto {

DeviceCaptures::~DeviceCaptures() {
  for (auto& [id, capture] : captures_) gpu_->destroy_event(capture.event);
}

DeviceCaptures::Joined DeviceCaptures::lane_of(strettoStream_t stream, std::uint64_t capture_id) {
  const auto found = captures_.find(capture_id);
  const bool is_new = found == captures_.end();
  Capture& capture = is_new ? begin(stream, capture_id) : found->second;
  if (capture.refused) throw Error(*capture.refused);
  return {capture.lane, is_new};
}

void DeviceCaptures::follow(strettoStream_t stream, std::uint64_t capture_id) {
  const Capture& capture = captures_.at(capture_id);
  if (capture.has_operation && capture.last != stream) gpu_->make_wait(stream, capture.event);
}

/// What is refused here is refused on all ranks, or a fault, and counts as a capture: so it must not be asked for
/// again.
DeviceCaptures::Capture& DeviceCaptures::begin(strettoStream_t stream, std::uint64_t capture_id) {
  forget_the_gone();
  const Gpu::Event event = gpu_->make_event();
  Capture& capture = captures_[capture_id];
  capture.event = event;
  capture.gone = std::make_shared<std::atomic<bool>>(false);
  try {
    try {
      gpu_->watch_graph(stream, capture.gone);
    } catch (const Error& error) {  // not counted, so that the ranks would count differently from here on: a fault
      ErrorInfo info = error.info();
      info.code = strettoCudaError;
      throw Error(std::move(info));
    }
    capture.lane = lanes_->take(timeout_ns_, capture.gone);
  } catch (const Error& error) {
    capture.refused = error.info();
  }
  return capture;
}

/// At any time: in the order of the calls an operation of a stream comes before the event that follows it.
void DeviceCaptures::launched(strettoStream_t stream, std::uint64_t capture_id) {
  Capture& capture = captures_.at(capture_id);
  capture.last = stream;
  capture.has_operation = true;
  gpu_->record(capture.event, stream);
}

void DeviceCaptures::forget_the_gone() {
  std::erase_if(captures_, [this](const auto& entry) {
    if (!entry.second.gone->load(std::memory_order_acquire)) return false;
    gpu_->destroy_event(entry.second.event);
    return true;
  });
}

}  // namespace stretto
