#include "comm/retired_engine.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace stretto {
namespace {

constexpr std::int64_t kLookNs = 50'000'000;
constexpr std::int64_t kWarnNs = 1'000'000'000;

}  // namespace

RetiredEngine::RetiredEngine(std::unique_ptr<DeviceEngine> engine, LanesLeft left, bool has_drained)
    : engine_(std::move(engine)),
      left_(std::move(left)),
      has_drained_(has_drained),
      warn_at_ns_(posix_system().now_ns() + kWarnNs) {}

void RetiredEngine::warn() {
  warn_at_ns_ = 0;
  log(LogLevel::warn, "event=retired comm={} rank={} graphs={} drained={} text=\"{}\"", engine_->settings().name,
      engine_->rank(), left_.graphs.size(), has_drained_,
      "the communicator is destroyed, but its device memory is kept until its graphs are, too, and its kernels have "
      "ended: destroy graphs first");
}

std::int64_t RetiredEngine::next_deadline_ns() { return posix_system().now_ns() + kLookNs; }

void RetiredEngine::poll() {
  if (finished()) return;
  std::erase_if(left_.graphs, [](const GraphGone& gone) { return gone->load(std::memory_order_acquire); });
  try {
    has_drained_ = has_drained_ || engine_->strands_ended() == engine_->strands_launched();
  } catch (const Error&) {  // the context is broken: nothing of it runs any more
    has_drained_ = true;
  }
  if (!has_drained_ || !left_.graphs.empty()) {
    if (warn_at_ns_ != 0 && posix_system().now_ns() > warn_at_ns_) warn();
    return;
  }
  left_.banks.clear();
  engine_.reset();
}

}  // namespace stretto
