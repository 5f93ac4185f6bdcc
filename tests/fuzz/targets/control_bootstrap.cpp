#include <deque>

#include "base/wire.hpp"
#include "bootstrap/bootstrap.hpp"
#include "bootstrap/gate.hpp"
#include "bootstrap/messages.hpp"
#include "control.hpp"
#include "frames.hpp"

namespace stretto::fuzz {
namespace {

/// Everybody around one rank on its way in. They all know the key.
class Surroundings {
 public:
  explicit Surroundings(Input& input) : input_(input), world_(1, calm(input)) {
    me_ = world_.add_process(0);
    them_ = world_.add_process(1);
    key_.fill(std::byte{9});
    config_.n_ranks = input.ConsumeIntegralInRange(0, 15) == 0 ? some_rank(input) : input.ConsumeIntegralInRange(2, 7);
    config_.rank = input.ConsumeIntegralInRange(0, 15) == 0 ? some_rank(input) : input.ConsumeIntegralInRange(0, 4);
    config_.deadline_ns = world_.now_ns() + 20 * second_ns;
    rendezvous_address_ = parent_address_ = world_.address(them_);
    Handle listener = theirs().listen_tcp(rendezvous_address_);
    rendezvous_.emplace(theirs(), std::move(listener), key_, Role::rendezvous, -1, 4);
    listener = theirs().listen_tcp(parent_address_);
    const Rank parent = config_.rank <= 0 ? 0 : (config_.rank - 1) / 2;
    parent_.emplace(theirs(), std::move(listener), key_, Role::tree, parent, 4);
    bootstrap_ = make_bootstrap(mine(), encode_id({key_, {rendezvous_address_}}), config_);
  }

  /// The first Error ends it.
  void run() {
    const auto waits = mine().make_wait_set();
    for (int i = 0; i < 80 && input_.remaining_bytes() > 0; ++i) {
      if (bootstrap_) {
        plane_ = bootstrap_->poll();
        if (plane_) bootstrap_.reset();
      }
      if (plane_) plane_->poll();
      if (bootstrap_) {
        bootstrap_->watch(*waits);
        bootstrap_->next_deadline_ns();
        bootstrap_->is_known();
      }
      admit(*rendezvous_, true);
      admit(*parent_, false);
      for (Channel& channel : guests_) speak(channel);
      knock();
      world_.advance_to(world_.now_ns() + (input_.ConsumeIntegralInRange(0, 31) == 0 ? 6 * second_ns : 10'000));
    }
  }

 private:
  System& mine() { return world_.system(me_); }
  System& theirs() { return world_.system(them_); }

  void admit(Gate& gate, bool is_rendezvous) {
    gate.poll();
    while (auto guest = gate.next_guest()) {
      guests_.push_back(std::move(guest->channel));
      if (is_rendezvous) at_rendezvous_ = &guests_.back();
    }
  }

  void speak(Channel& channel) {
    channel.pump();
    while (const auto frame = channel.take_frame()) overhear(*frame);
    if (input_.ConsumeBool()) return;
    if (input_.ConsumeIntegralInRange(0, 31) == 0) return channel.close();
    if (&channel == at_rendezvous_ && input_.ConsumeBool()) {
      channel.send(right_word());
    } else {
      channel.send(some_frame(input_, parent_address_));
    }
    channel.flush();
  }

  /// What an honest rendezvous would say, so that the later stages are reached.
  std::vector<std::byte> right_word() {
    WireWriter writer;
    if (std::exchange(assigned_, true)) {
      writer.number(Message::ready);
    } else {
      writer.number(Message::assign);
      put(writer, Member{(config_.rank - 1) / 2, "there", 7});
      put(writer, parent_address_);
    }
    return writer.take();
  }

  /// The join says where its children are to knock.
  void overhear(const std::vector<std::byte>& frame) {
    WireReader reader(frame);
    if (reader.number<Message>() != Message::join) return;
    get_member(reader);
    listener_ = get_endpoint(reader);
  }

  void knock() {
    if (listener_.port != 0 && children_.size() < 6 && input_.ConsumeBool()) {
      Introduction me = some_introduction(input_, Role::tree, config_.rank);
      if (input_.ConsumeBool()) {
        me.rank = static_cast<Rank>(2 * std::int64_t{config_.rank} + 1 + input_.ConsumeIntegralInRange(0, 1));
        me.n_ranks = config_.n_ranks;
      }
      children_.emplace_back(theirs(), listener_, key_, me);
      linked_.push_back(false);
    }
    for (std::size_t i = 0; i < children_.size(); ++i) {
      if (!children_[i].poll() || input_.ConsumeBool()) continue;
      Channel& channel = children_[i].channel();
      if (!linked_[i] && input_.ConsumeBool()) {
        WireWriter writer;
        writer.number(Message::link);
        put(writer, Member{1, "child", 8});
        channel.send(writer.take());
      } else {
        channel.send(some_frame(input_, listener_));
      }
      linked_[i] = true;
      channel.flush();
    }
  }

  Input& input_;
  sim::SimWorld world_;
  int me_ = 0, them_ = 0;
  Key key_{};
  BootstrapConfig config_;
  Endpoint rendezvous_address_, parent_address_, listener_;
  std::optional<Gate> rendezvous_, parent_;
  std::deque<Channel> guests_;
  Channel* at_rendezvous_ = nullptr;
  std::deque<Intruder> children_;
  std::deque<bool> linked_;
  std::unique_ptr<Bootstrap> bootstrap_;
  std::unique_ptr<ControlPlane> plane_;
  bool assigned_ = false;
};

}  // namespace

void run_bootstrap(Input& input) {
  try {
    Surroundings(input).run();
  } catch (const Error& error) {
    STRETTO_ASSERT(!error.info().text.empty() && error.info().code != strettoSuccess);
  }
}

}  // namespace stretto::fuzz
