// Set-up of a rank among members who know the key and gather anything in place of cards and addresses. Whatever they
// say, it ends in a membership whose numbers are within the knobs' ranges, or in an Error.
#include "comm/setup.hpp"

#include "base/wire.hpp"
#include "bootstrap/rendezvous.hpp"
#include "comm/engine.hpp"
#include "comm/rank_card.hpp"
#include "fuzz.hpp"
#include "transports/shm/handshake.hpp"

namespace stretto::fuzz {
namespace {

constexpr Rank kHostile = 0;  // whose settings count
constexpr Rank kMe = 1;

std::uint64_t some_number(Input& input) {
  return one_of<std::uint64_t>(input, {0, 1, 2, 4, 64, 256, std::uint64_t{1} << 31, UINT64_MAX,
                                       input.ConsumeIntegral<std::uint64_t>(), input.ConsumeIntegral<std::uint8_t>()});
}

std::vector<std::byte> some_card(Input& input, const HostIdentity& honest) {
  if (input.ConsumeIntegralInRange(0, 7) == 0) return some_bytes(input, 80);
  RankCard card;
  card.identity = honest;
  if (input.ConsumeIntegralInRange(0, 7) == 0) card.identity.host_id = input.ConsumeRandomLengthString(8);
  if (input.ConsumeBool()) card.identity.socket = static_cast<std::int32_t>(some_number(input));
  card.identity.n_cores = static_cast<std::int32_t>(some_number(input));
  card.settings.algorithm = one_of<std::string>(input, {"", "ring", "tree", input.ConsumeRandomLengthString(8)});
  if (input.ConsumeBool()) card.settings.protocol = static_cast<DeviceProtocol>(input.ConsumeIntegral<std::uint8_t>());
  card.settings.max_channels = static_cast<std::uint32_t>(some_number(input));
  card.settings.shm_slot_bytes = some_number(input);
  card.settings.shm_slots = static_cast<std::uint32_t>(some_number(input));
  return encode(card);
}

std::vector<std::byte> some_description(Input& input, const Membership& theirs) {
  if (input.ConsumeIntegralInRange(0, 7) == 0) return some_bytes(input, 80);
  shm::Address address;
  address.rank = input.ConsumeIntegralInRange(0, 7) == 0 ? some_rank(input) : kHostile;
  address.channels = theirs.max_channels;
  address.slots = theirs.settings.shm_slots;
  address.slot_bytes = theirs.settings.shm_slot_bytes;
  if (input.ConsumeIntegralInRange(0, 7) == 0) address.channels = static_cast<std::int32_t>(some_number(input));
  if (input.ConsumeIntegralInRange(0, 7) == 0) address.slots = static_cast<std::uint32_t>(some_number(input));
  if (input.ConsumeIntegralInRange(0, 7) == 0) address.first_position = input.ConsumeIntegral<std::uint32_t>();
  Descriptions descriptions(input.ConsumeIntegralInRange(0, 7) == 0 ? input.ConsumeIntegralInRange<std::size_t>(0, 3)
                                                                    : 1);
  if (!descriptions.empty()) {
    const auto bytes = std::as_bytes(std::span(&address, 1));
    descriptions[0].assign(bytes.begin(), bytes.end());
  }
  return encode(descriptions);
}

class Communicator {
 public:
  explicit Communicator(Input& input) : input_(input), world_(1, calm(input)) {
    them_ = world_.add_process(0);
    me_ = world_.add_process(0);
    rendezvous_.emplace(world_.system(them_), world_.address(them_));
    BootstrapConfig config;
    config.rank = kHostile;
    config.n_ranks = 2;
    config.deadline_ns = world_.now_ns() + 20 * second_ns;
    bootstrap_ = make_bootstrap(world_.system(them_), rendezvous_->id(), config);
    Settings settings;
    settings.setup_timeout_ns = 20 * second_ns;
    if (input.ConsumeBool()) {
      settings.algorithm = "ring";
      settings.algorithm_from_config = true;
    }
    setup_.emplace(world_.system(me_), rendezvous_->id(), kMe, 2, settings);
  }

  void run() {
    const auto waits = world_.system(me_).make_wait_set();
    for (int i = 0; i < 400; ++i) {
      rendezvous_->poll();
      poll_them();
      if (setup_->poll()) return judge(setup_->take());
      setup_->watch(*waits);
      setup_->next_deadline_ns();
      world_.advance_to(world_.now_ns() + (i < 200 ? 10'000 : second_ns));
    }
    STRETTO_ASSERT(!"set-up goes on after its deadline");
  }

 private:
  void poll_them() {
    if (bootstrap_ && (plane_ = bootstrap_->poll())) bootstrap_.reset();
    if (!plane_) return;
    plane_->poll();
    if (!gathering_ && n_gathers_ < 3) {
      System& system = world_.system(them_);
      const auto blob = n_gathers_ == 0   ? some_card(input_, system.identity())
                        : n_gathers_ == 1 ? some_description(input_, adopted_)
                                          : some_bytes(input_, 4);
      if (n_gathers_ == 0) remember(blob);
      plane_->start_all_gather(blob, "anything", world_.now_ns() + 20 * second_ns);
      gathering_ = true;
    }
    try {
      if (gathering_ && plane_->poll_all_gather()) {
        gathering_ = false;
        ++n_gathers_;
      }
    } catch (const Error&) {  // of the victim, which has given up
      gathering_ = false;
      n_gathers_ = 3;
    }
  }

  /// What an honest rank would make of the card.
  void remember(const std::vector<std::byte>& card) {
    try {
      adopted_.settings = decode_rank_card(card).settings;
    } catch (const Error&) {
    }
    if (adopted_.settings.shm_slots == 0) adopted_.settings.shm_slots = 4;
    if (adopted_.settings.shm_slot_bytes == 0) adopted_.settings.shm_slot_bytes = 64 << 10;
    const auto channels = adopted_.settings.max_channels;
    adopted_.max_channels = channels == 0 ? 2 : static_cast<int>(channels);
  }

  static void judge(const Membership& membership) {
    STRETTO_ASSERT(membership.max_channels >= 1 && membership.max_channels <= 64);
    STRETTO_ASSERT(membership.link.slots >= 1 && membership.link.slots <= 1 << 10);
    STRETTO_ASSERT(membership.link.slot_bytes >= 64 && membership.link.slot_bytes <= 1 << 26);
  }

  Input& input_;
  sim::SimWorld world_;
  int them_ = 0, me_ = 0;
  std::optional<TreeRendezvous> rendezvous_;
  std::unique_ptr<Bootstrap> bootstrap_;
  std::unique_ptr<ControlPlane> plane_;
  Membership adopted_;
  bool gathering_ = false;
  int n_gathers_ = 0;
  std::optional<Setup> setup_;
};

}  // namespace
}  // namespace stretto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stretto::fuzz::Input input(data, size);
  try {
    stretto::fuzz::Communicator(input).run();
  } catch (const stretto::Error& error) {
    STRETTO_ASSERT(error.info().code != strettoInternalError && !error.info().text.empty());
  }
  return 0;
}
