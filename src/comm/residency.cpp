#include "comm/residency.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/system.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

using Regime = ResidencyLedger::Regime;
using State = ResidencyLedger::State;

constexpr std::chrono::microseconds kLook{50};

}  // namespace

Residency::~Residency() {
  ledger_.sweep([](ResidencyLedger::Chain, const ResidencyLedger::Operation&) { return true; });
  for (const ResidencyLedger::Mark mark : ledger_.take_marks()) gpu_->destroy_event(mark);
  for (const Gpu::Event event : spare_events_) gpu_->destroy_event(event);
}

std::shared_ptr<ResidencyChain> Residency::add(std::uint64_t group, std::uint32_t most_blocks,
                                               std::function<std::uint32_t()> ended) {
  auto chain = std::make_shared<ResidencyChain>();
  chain->ended_ = std::move(ended);
  const std::lock_guard lock(mutex_);
  const Regime before = ledger_.regime();
  chain->chain_ = ledger_.add(group, most_blocks);
  chains_.push_back(chain);
  regime_.store(ledger_.regime());
  if (ledger_.regime() > before) count_the_uncounted(before);
  return chain;
}

/// Whoever launches notes it first and looks at the regime then; here it is the other way round. So nothing is missed.
void Residency::count_the_uncounted(Regime before) {
  for (const auto& chain : chains_) {
    const std::uint32_t blocks = before == Regime::free ? chain->uncounted_blocks_.load() : 1;
    if (chain->uncounted_blocks_.load() != 0)
      ledger_.add_unmarked(chain->chain_, blocks, chain->uncounted_until_.load());
  }
  sweep();
}

void Residency::remove(ResidencyChain& chain) {
  const std::lock_guard lock(mutex_);
  sweep();
  ledger_.remove(chain.chain_);
  std::erase_if(chains_, [&](const auto& each) { return each.get() == &chain; });
  regime_.store(ledger_.regime());
  changed_.notify_all();
}

/// Asks CUDA of what may have ended. What cannot be asked any more does not run any more.
void Residency::sweep() {
  ledger_.sweep([this](ResidencyLedger::Chain of, const ResidencyLedger::Operation& operation) {
    try {
      if (operation.state == State::launched) return gpu_->is_done(operation.mark);
      const auto chain = std::ranges::find_if(chains_, [&](const auto& each) { return each->chain_ == of; });
      if (chain == chains_.end()) return true;
      return static_cast<std::int32_t>((*chain)->ended_() - static_cast<std::uint32_t>(operation.number)) >= 0;
    } catch (const Error&) {
      return true;
    }
  });
  std::ranges::copy(ledger_.take_marks(), std::back_inserter(spare_events_));
}

Gpu::Event Residency::spare_event() {
  if (spare_events_.empty()) return gpu_->make_event();
  const Gpu::Event event = spare_events_.back();
  spare_events_.pop_back();
  return event;
}

bool Residency::waits_for_a_launch(const ResidencyLedger::Plan& plan) const {
  return std::ranges::any_of(plan.waits, [this](const ResidencyLedger::Reference& each) {
    const auto* const operation = ledger_.find(each);
    return operation != nullptr && operation->state == State::launching;
  });
}

/// A plan that the stream can wait for. Only what was launched when nothing was counted, and still runs, is waited for
/// here: no event tells its end.
ResidencyLedger::Plan Residency::settle(std::unique_lock<std::mutex>& lock, const ResidencyLedger::Launch& launch,
                                        std::int64_t timeout_ns) {
  ResidencyLedger::Plan plan = ledger_.plan(launch);
  if (plan.waits.empty() && plan.fits) return plan;
  const std::int64_t limit_ns = posix_system().now_ns() + timeout_ns;
  for (;;) {
    sweep();
    plan = ledger_.plan(launch);
    if (plan.fits && !waits_for_a_launch(plan)) return plan;
    if (posix_system().now_ns() > limit_ns) {
      throw Error(strettoTimeout,
                  format("operations of other communicators have filled device {} until the deadline: {} more blocks "
                         "do not fit beside them",
                         gpu_->facts().ordinal, launch.blocks),
                  "stream");
    }
    changed_.wait_for(lock, kLook);
  }
}

ResidencyLedger::Reference Residency::begin(ResidencyChain& own, const Turn::Launch& turn, std::uint32_t blocks) {
  std::unique_lock lock(mutex_);
  const ResidencyLedger::Launch launch{own.chain_,  turn.stream_id,     blocks,
                                       turn.number, turn.is_collective, turn.follows_own};
  const ResidencyLedger::Plan plan = settle(lock, launch, turn.timeout_ns);
  for (const ResidencyLedger::Reference& each : plan.waits) {
    const auto* const operation = ledger_.find(each);
    if (operation == nullptr) continue;
    gpu_->make_wait(turn.stream, operation->mark);
    own.note_shortage(launch.number);
    const auto chain = std::ranges::find_if(chains_, [&](const auto& other) { return other->chain_ == each.chain; });
    if (chain != chains_.end()) (*chain)->note_shortage(operation->number);
  }
  if (!plan.waits.empty()) {
    log(LogLevel::debug, "event=residency device={} operation={} blocks={} behind={}", gpu_->facts().ordinal,
        launch.number, blocks, plan.waits.size());
  }
  const ResidencyLedger::Reference made{launch.chain, ledger_.begin(launch, plan.waits)};
  std::ranges::copy(ledger_.take_marks(), std::back_inserter(spare_events_));
  return made;
}

void Residency::Turn::take(std::uint32_t blocks, std::uint32_t strands, std::uint32_t strands_before) {
  if (blocks == 0) return;
  const Regime known = residency_.regime_.load();
  if (known != Regime::counted && (known == Regime::free || blocks <= 1)) {
    const std::uint32_t most = known == Regime::free ? std::max(blocks, chain_.uncounted_blocks_.load()) : blocks;
    chain_.uncounted_until_.store(strands_before + strands);
    chain_.uncounted_blocks_.store(most);
    if (residency_.regime_.load() == known) return;
  }
  operation_ = residency_.begin(chain_, launch, blocks);
}

void Residency::Turn::launched() {
  if (!operation_) return;
  const std::lock_guard lock(residency_.mutex_);
  const Gpu::Event event = residency_.spare_event();
  residency_.gpu_->record(event, launch.stream);
  residency_.ledger_.launched(*operation_, event);
  operation_.reset();
  residency_.changed_.notify_all();
}

Residency::Turn::~Turn() {
  if (!operation_) return;
  const std::lock_guard lock(residency_.mutex_);
  residency_.ledger_.drop(*operation_);
  residency_.changed_.notify_all();
}

std::shared_ptr<Residency> residency_of(const std::shared_ptr<Gpu>& gpu) {
  static auto* const mutex = new std::mutex;
  static auto* const all = new std::map<const Gpu*, std::weak_ptr<Residency>>;
  const std::lock_guard lock(*mutex);
  std::erase_if(*all, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<Residency>& found = (*all)[gpu.get()];
  std::shared_ptr<Residency> residency = found.lock();
  if (!residency) found = residency = std::make_shared<Residency>(gpu);
  return residency;
}

}  // namespace stretto
