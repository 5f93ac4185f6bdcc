#include "comm/device_lanes.hpp"

#include <algorithm>
#include <exception>
#include <optional>

#include "base/log.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

/// A graph's death is known after this long at most.
constexpr std::int64_t kLookNs = 10'000'000;
/// While captures wait for it.
constexpr std::int64_t kQuickLookNs = 1'000'000;

}  // namespace

DeviceLanes::DeviceLanes(std::shared_ptr<MembershipTask> task, std::shared_ptr<Gpu> gpu, Rank rank,
                         std::unique_ptr<PeerWindows> bank, int lanes_most, std::int64_t setup_timeout_ns)
    : task_(std::move(task)),
      gpu_(std::move(gpu)),
      rank_(rank),
      n_ranks_(static_cast<int>(bank->shape().n_ranks)),
      bank_lanes_(bank->lanes()),
      setup_timeout_ns_(setup_timeout_ns),
      ledger_(rank, n_ranks_, {bank_lanes_, lanes_most}) {
  banks_.push_back(std::move(bank));
}

// ---- the issuing thread ----------------------------------------------------------------------------------------

Lane DeviceLanes::take(std::int64_t timeout_ns, GraphGone gone) {
  Service& service = Service::of_process();
  std::optional<std::int32_t> lane;
  const std::uint64_t number = captures_;
  service.run([&] {
    lane = ledger_.granted(number);
    if (!lane) ledger_.want(number);  // the service thread sees to it, which allocates in no capture of its own
  });
  if (!lane) {
    const auto has_ended = [&] {
      lane = ledger_.granted(number);
      return lane.has_value() || task_->fault().get() != nullptr || someone_left();
    };
    service.wait_until(has_ended, posix_system().now_ns() + timeout_ns);
  }
  if (!lane) give_up(timeout_ns);
  ++captures_;
  Lane result;
  std::size_t alive = 0;
  service.run([&] {
    alive = lives_.size();
    if (*lane <= 0) return;
    lives_.push_back({number, std::move(gone)});
    result.number = *lane;
    result.windows = banks_[static_cast<std::size_t>((*lane - 1) / bank_lanes_)].get();
    result.index = (*lane - 1) % bank_lanes_;
  });
  if (*lane <= 0) refuse(static_cast<LaneLedger::Refusal>(*lane), alive);
  return result;
}

bool DeviceLanes::someone_left() const {
  for (Rank peer = 0; peer < n_ranks_; ++peer) {
    if (peer != rank_ && task_->left_before(peer, UINT64_MAX)) return true;
  }
  return false;
}

void DeviceLanes::refuse(LaneLedger::Refusal why, std::size_t alive) const {
  ErrorInfo info;
  info.code = why == LaneLedger::no_memory ? strettoSystemError : strettoUnsupported;
  info.rank = rank_;
  info.field = "stream";
  info.text =
      why == LaneLedger::no_memory
          ? format(
                "the communicator's GPUs do not all have memory for one more captured graph; {} are alive: destroy "
                "some, or capture more into each",
                alive)
          : format(
                "a communicator can be in so many captured graphs at a time ({} are alive): destroy some, "
                "capture more into each, or use another communicator",
                alive);
  throw Error(std::move(info));
}

/// The others have a lane for this capture, or will: they would go on without this rank, so it is a fault.
void DeviceLanes::give_up(std::int64_t timeout_ns) const {
  if (const ErrorInfo* fault = task_->fault().get(); fault != nullptr) throw Error(*fault);
  ErrorInfo info;
  info.rank = rank_;
  info.field = "stream";
  info.code = strettoTimeout;
  info.text = format(
      "rank {} has waited {} ms for memory for one more captured graph: some rank's process is stopped, or takes long "
      "to allocate. Raise STRETTO_SETUP_TIMEOUT_MS if that is expected",
      rank_, timeout_ns / 1'000'000);
  for (Rank peer = 0; peer < n_ranks_; ++peer) {
    if (peer == rank_ || !task_->left_before(peer, UINT64_MAX)) continue;
    info.code = strettoRemoteError;
    info.peer = peer;
    info.text = format("rank {} cannot capture: rank {} has finalized or destroyed its communicator", rank_, peer);
    break;
  }
  if (task_->fault().set(info)) Service::of_process().run([&] { task_->report(info); });
  throw Error(std::move(info));
}

std::size_t DeviceLanes::bytes() const {
  std::size_t bytes = 0;
  for (const auto& bank : banks_) bytes += bank->bytes();
  return bytes;
}

int DeviceLanes::lanes() const { return static_cast<int>(banks_.size()) * bank_lanes_; }

// ---- the service thread ----------------------------------------------------------------------------------------

LanesLeft DeviceLanes::end() {
  ended_ = true;
  LanesLeft left{std::move(banks_), {}};
  for (Life& life : lives_) {
    if (!life.gone->load(std::memory_order_acquire)) left.graphs.push_back(std::move(life.gone));
  }
  return left;
}

std::int64_t DeviceLanes::next_deadline_ns() {
  return posix_system().now_ns() + (ledger_.waits() || opening_ ? kQuickLookNs : kLookNs);
}

void DeviceLanes::poll() {
  if (ended_) return;
  try {
    see_deaths();
    see_opened();
    ledger_.poll(posix_system().now_ns());
    step();
    for (auto words = task_->take_words(); !words.empty(); words = task_->take_words()) {
      for (const ControlPlane::Word& word : words) {
        ledger_.hear(word.rank, word.bytes);
        step();  // before the next word: it may be of the bank after this one
      }
      ledger_.poll(posix_system().now_ns());
      step();
    }
  } catch (const std::exception& error) {
    trouble(error);
  }
}

void DeviceLanes::see_deaths() {
  std::erase_if(lives_, [this](const Life& life) {
    if (!life.gone->load(std::memory_order_acquire)) return false;
    ledger_.died(life.capture);
    return true;
  });
}

void DeviceLanes::step() {
  if (const std::optional<int> bank = ledger_.bank_to_make()) make_bank(*bank);
  if (const auto descriptions = ledger_.descriptions_to_open()) open_bank(*descriptions);
  if (ledger_.has_failed() && std::exchange(making_, false)) {
    if (std::exchange(opening_, false)) ledger_.opened(false);
    banks_.pop_back();
  }
  for (std::vector<std::byte>& word : ledger_.take_words()) task_->tell(std::move(word));
}

void DeviceLanes::make_bank(int bank) {
  if (bank != static_cast<int>(banks_.size())) throw Error(strettoRemoteError, "a bank of lanes out of turn");
  making_ = true;
  try {
    banks_.push_back(make_peer_windows(gpu_, banks_.front()->shape(), rank_, bank_lanes_));
    ledger_.made(banks_.back()->describe());
  } catch (const Error& error) {
    log(LogLevel::warn, "event=lanes rank={} lanes={} text=\"{}\"", rank_, bank * bank_lanes_, error.what());
    if (static_cast<int>(banks_.size()) <= bank) banks_.push_back(nullptr);
    ledger_.made(std::nullopt);
  }
}

void DeviceLanes::open_bank(std::span<const std::vector<std::byte>> descriptions) {
  try {
    if (!making_) throw Error(strettoSystemError, "another rank has no memory for them");
    banks_.back()->start(descriptions, posix_system().now_ns() + setup_timeout_ns_);
    opening_ = true;
    see_opened();
  } catch (const Error& error) {
    opened(&error);
  }
}

/// The windows of other processes come when these are as far.
void DeviceLanes::see_opened() {
  if (!opening_) return;
  try {
    if (banks_.back()->poll_setup()) opened(nullptr);
  } catch (const Error& error) {
    opened(&error);
  }
}

void DeviceLanes::opened(const Error* error) {
  opening_ = false;
  if (error == nullptr) {
    log(LogLevel::info, "event=lanes rank={} lanes={} window_bytes={}", rank_, lanes(), bytes());
  } else {
    log(LogLevel::warn, "event=lanes rank={} lanes={} text=\"{}\"", rank_, lanes(), error->what());
  }
  ledger_.opened(error == nullptr);
}

void DeviceLanes::trouble(const std::exception& error) {
  ErrorInfo info;
  info.code = strettoSystemError;
  info.rank = rank_;
  info.text = std::string("the lanes of captured graphs cannot be looked after any more: ") + error.what();
  if (task_->fault().set(info)) task_->report(info);
}

}  // namespace stretto
