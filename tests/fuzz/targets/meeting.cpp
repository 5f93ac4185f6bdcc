// The meeting of ranks on one host, with others of the same user who say anything: as rank 0, who hands out the id, and
// as a rank that is given it. It ends in a verdict or an Error by the deadline; and the id is handed out only when a
// card has come from every rank.
#include "bootstrap/meeting.hpp"

#include <cstring>
#include <deque>
#include <set>

#include "fuzz.hpp"

namespace stretto::fuzz {
namespace {

constexpr int kRanks = 3;
constexpr const char* kName = "meeting";

/// A connection to or from the victim, in hostile hands.
struct Hostile {
  Handle socket;
  std::vector<std::byte> waiting;  ///< of what is being said
};

class Meeting {
 public:
  explicit Meeting(Input& input) : input_(input), world_(1, calm(input)) {
    me_ = world_.add_process(0);
    them_ = world_.add_process(0);
    place_.name = kName;
    place_.job = "the ranks";
    place_.rank_by = "RANK";
    place_.size_by = "SIZE";
    place_.n_ranks = kRanks;
    place_.deadline_ns = world_.now_ns() + 10 * second_ns;
    if (input.ConsumeIntegralInRange(0, 7) == 0) {
      refusal_.emplace();
      refusal_->code = strettoInvalidUsage;
      refusal_->text = std::string(input.ConsumeIntegralInRange<std::size_t>(0, 1000), 'x');
    }
  }

  void run_host() {
    strettoUniqueId id{};
    std::memset(id.internal, 1, sizeof(id.internal));
    MeetingHost host(mine(), place_, id, refusal_);
    const auto waits = mine().make_wait_set();
    bool over = false;
    for (int i = 0; i < 60 && !over && input_.remaining_bytes() > 0; ++i) {
      if (hostiles_.size() < 8 && input_.ConsumeBool()) hostiles_.push_back({theirs().connect_local(kName), {}});
      for (Hostile& hostile : hostiles_) act(hostile);
      over = host.poll();
      host.watch(*waits);
      host.next_deadline_ns();
      pass_time();
    }
    world_.advance_to(place_.deadline_ns + 2 * second_ns);
    STRETTO_ASSERT(host.poll() && host.decided());
    if (host.failure() == nullptr) {
      for (Rank rank = 1; rank < kRanks; ++rank) STRETTO_ASSERT(said_.contains(rank));
    } else {
      STRETTO_ASSERT(!host.failure()->text.empty());
    }
  }

  void run_guest() {
    place_.rank = 1;
    const Handle listener = theirs().listen_local(kName);
    MeetingGuest guest(mine(), place_, refusal_);
    const auto waits = mine().make_wait_set();
    for (int i = 0; i < 60; ++i) {
      if (guest.poll()) return;
      guest.watch(*waits);
      guest.next_deadline_ns();
      if (Handle socket = theirs().accept(listener.id())) hostiles_.push_back({std::move(socket), {}});
      for (Hostile& hostile : hostiles_) act(hostile);
      pass_time();
    }
    world_.advance_to(place_.deadline_ns);
    if (!guest.poll()) STRETTO_ASSERT(!"a meeting goes on after its deadline");
  }

 private:
  System& mine() { return world_.system(me_); }
  System& theirs() { return world_.system(them_); }
  void pass_time() {
    world_.advance_to(world_.now_ns() + (input_.ConsumeIntegralInRange(0, 31) == 0 ? second_ns : 5'000'000));
  }

  void act(Hostile& hostile) {
    if (!hostile.socket) return;
    if (hostile.waiting.empty() && input_.ConsumeBool()) {
      const MeetingCard card = some_card();
      const auto bytes = std::as_bytes(std::span(&card, 1));
      hostile.waiting.assign(bytes.begin(), bytes.end());
      said_.insert(card.rank);
    }
    if (!hostile.waiting.empty()) {
      const std::size_t sent = theirs().send(hostile.socket.id(), hostile.waiting).bytes;
      hostile.waiting.erase(hostile.waiting.begin(), hostile.waiting.begin() + static_cast<std::ptrdiff_t>(sent));
    }
    if (input_.ConsumeIntegralInRange(0, 31) == 0) hostile.socket.reset();
  }

  MeetingCard some_card() {
    MeetingCard card;
    const auto odd = [this] { return input_.ConsumeIntegralInRange(0, 15) == 0; };
    if (odd()) card.magic = input_.ConsumeIntegral<std::uint32_t>();
    if (odd()) card.version = input_.ConsumeIntegral<std::int32_t>();
    card.rank = odd() ? some_rank(input_) : input_.ConsumeIntegralInRange(0, kRanks - 1);
    card.n_ranks = odd() ? some_rank(input_) : kRanks;
    card.remaining_ns = odd() ? input_.ConsumeIntegral<std::int64_t>() : 10 * second_ns;
    if (odd()) card.code = input_.ConsumeIntegral<std::int32_t>();
    if (odd()) card.peer = some_rank(input_);
    if (odd()) std::memset(card.text, 'y', sizeof(card.text));  // without an end
    if (odd()) std::memset(card.field, 'z', sizeof(card.field));
    return card;
  }

  Input& input_;
  sim::SimWorld world_;
  int me_ = 0, them_ = 0;
  MeetingPlace place_;
  std::optional<ErrorInfo> refusal_;
  std::deque<Hostile> hostiles_;
  std::set<Rank> said_;
};

}  // namespace
}  // namespace stretto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stretto::fuzz::Input input(data, size);
  const bool hosts = input.ConsumeBool();
  stretto::fuzz::Meeting meeting(input);
  try {
    hosts ? meeting.run_host() : meeting.run_guest();
  } catch (const stretto::Error& error) {
    STRETTO_ASSERT(!hosts && error.info().code > strettoSuccess && error.info().code < strettoNumResults);
    STRETTO_ASSERT(error.info().rank == 1 && error.info().peer >= -1 && error.info().peer < stretto::fuzz::kRanks);
  }
  return 0;
}
