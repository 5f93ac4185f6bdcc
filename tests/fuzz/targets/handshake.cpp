// The keyed handshake and the sealed channel with somebody between client and server who reads, changes, drops,
// replays and makes up bytes. Nobody but the member is let in, as nobody but itself; and what comes out of either
// channel is what the other side put in, from the beginning and in order.
#include <algorithm>
#include <deque>

#include "bootstrap/dial.hpp"
#include "bootstrap/gate.hpp"
#include "fuzz.hpp"

namespace stretto::fuzz {
namespace {

using Bytes = std::vector<std::byte>;

constexpr Introduction kMember{Role::tree, STRETTO_VERSION, 7, 3, 8};

/// One direction of the conversation, in the hands of the one between.
struct Way {
  Handle* from = nullptr;
  Handle* to = nullptr;
  Bytes waiting;               ///< taken from one side, not yet taken by the other
  std::vector<Bytes> history;  ///< to be replayed
};

class Conversation {
 public:
  explicit Conversation(Input& input) : input_(input), world_(1, calm(input)) {
    gate_process_ = world_.add_process(0);
    member_process_ = world_.add_process(1);
    middle_process_ = world_.add_process(2);
    key_.fill(std::byte{42});
    gate_address_ = world_.address(gate_process_);
    Handle listener = world_.system(gate_process_).listen_tcp(gate_address_);
    gate_.emplace(world_.system(gate_process_), std::move(listener), key_, Role::tree, kMember.server, 8);
    Endpoint middle_address = world_.address(middle_process_);
    middle_listener_ = middle().listen_tcp(middle_address);
    Key member_key = key_;
    if (input.ConsumeIntegralInRange(0, 7) == 0) member_key[31] = std::byte{1};
    dial_.emplace(world_.system(member_process_), std::vector<Endpoint>{middle_address}, member_key, kMember);
    up_.from = down_.to = &member_;
    up_.to = down_.from = &far_;
  }

  void run() {
    const auto waits = world_.system(gate_process_).make_wait_set();
    for (int i = 0; i < 100 && input_.remaining_bytes() > 0; ++i) {
      poll_member();
      poll_gate();
      gate_->watch(*waits);
      gate_->next_deadline_ns();
      dial_->next_deadline_ns();
      if (Handle member = middle().accept(middle_listener_.id())) meet(std::move(member));
      carry(up_);
      carry(down_);
      if (input_.ConsumeIntegralInRange(0, 15) == 0) hang_up();
      world_.advance_to(world_.now_ns() + (input_.ConsumeIntegralInRange(0, 31) == 0 ? 6 * second_ns : 10'000));
    }
  }

 private:
  System& middle() { return world_.system(middle_process_); }

  void meet(Handle member) {
    member_ = std::move(member);
    far_ = middle().connect_tcp(gate_address_);
    up_.waiting.clear();
    down_.waiting.clear();
    ++n_meetings_;
  }
  void hang_up() { (input_.ConsumeBool() ? member_ : far_).reset(); }

  void poll_member() {
    if (!connected_ && !refused_) {
      try {
        connected_ = dial_->poll();
        if (connected_) near_ = dial_->take();
      } catch (const Error& error) {
        STRETTO_ASSERT(error.info().code == strettoInvalidUsage && !error.info().field.empty());
        refused_ = true;
      }
    }
    if (connected_) converse(near_, to_gate_, to_member_);
  }
  void poll_gate() {
    gate_->poll();
    while (auto guest = gate_->next_guest()) {
      const Introduction& it = guest->introduction;
      STRETTO_ASSERT(it.role == kMember.role && it.rank == kMember.rank && it.server == kMember.server &&
                     it.n_ranks == kMember.n_ranks && it.version == kMember.version);
      STRETTO_ASSERT(++n_guests_ <= n_meetings_);  // each attempt of the member lets in one at most
      guest_ = std::move(guest->channel);
    }
    if (guest_) converse(*guest_, to_member_, to_gate_);
  }

  /// Says something now and then, and compares what is heard with what the other side said.
  void converse(Channel& channel, std::vector<Bytes>& mine, std::vector<Bytes>& theirs) {
    if (input_.ConsumeIntegralInRange(0, 3) == 0) {
      mine.push_back(Bytes(input_.ConsumeIntegralInRange<std::size_t>(1, 600), std::byte(mine.size())));
      channel.send(mine.back());
    }
    channel.pump();
    std::size_t& n_heard = &channel == &near_ ? n_heard_by_member_ : n_heard_by_gate_;
    while (const auto frame = channel.take_frame()) {
      STRETTO_ASSERT(n_heard < theirs.size() && *frame == theirs[n_heard]);
      ++n_heard;
    }
  }

  void carry(Way& way) {
    int os_error = 0;
    for (const Handle* side : {way.from, way.to}) {
      if (!*side || middle().connect_status(side->id(), os_error) != ConnectStatus::connected) return;
    }
    Bytes bytes(1000);
    bytes.resize(middle().receive(way.from->id(), bytes).bytes);
    if (!bytes.empty() && way.history.size() < 16) way.history.push_back(bytes);
    change(bytes);
    way.waiting.insert(way.waiting.end(), bytes.begin(), bytes.end());
    const std::size_t sent = way.waiting.empty() ? 0 : middle().send(way.to->id(), way.waiting).bytes;
    way.waiting.erase(way.waiting.begin(), way.waiting.begin() + static_cast<std::ptrdiff_t>(sent));
  }

  void change(Bytes& bytes) {
    const auto somewhere = [&] { return input_.ConsumeIntegralInRange<std::size_t>(0, bytes.size() - 1); };
    switch (input_.ConsumeIntegralInRange(0, 15)) {
      case 0:
        if (!bytes.empty()) bytes[somewhere()] ^= some_byte(input_);
        break;
      case 1:
        if (!bytes.empty()) bytes.resize(somewhere());
        break;
      case 2:  // a frame of the input's own
        bytes = some_bytes(input_, 120);
        bytes.insert(bytes.begin(), {std::byte(bytes.size()), std::byte{}, std::byte{}, std::byte{}});
        break;
      case 3:  // bytes without a frame
        bytes = some_bytes(input_, 120);
        break;
      case 4:  // what was said before, on this way or the other
      case 5: {
        const auto& history = input_.ConsumeBool() ? up_.history : down_.history;
        if (!history.empty()) bytes = history[input_.ConsumeIntegralInRange<std::size_t>(0, history.size() - 1)];
        break;
      }
      default:
        break;
    }
  }

  Input& input_;
  sim::SimWorld world_;
  Key key_{};
  int gate_process_ = 0, member_process_ = 0, middle_process_ = 0;
  Endpoint gate_address_;
  std::optional<Gate> gate_;
  std::optional<Dial> dial_;
  Handle middle_listener_, member_, far_;
  Way up_, down_;
  Channel near_;                  ///< the member's, when connected
  std::optional<Channel> guest_;  ///< the gate's end of it
  std::vector<Bytes> to_gate_, to_member_;
  std::size_t n_heard_by_member_ = 0, n_heard_by_gate_ = 0;
  int n_meetings_ = 0, n_guests_ = 0;
  bool connected_ = false, refused_ = false;
};

}  // namespace
}  // namespace stretto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stretto::require_crypto();
  stretto::fuzz::Input input(data, size);
  stretto::fuzz::Conversation(input).run();
  return 0;
}
