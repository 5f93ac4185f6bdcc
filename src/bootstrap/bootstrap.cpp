// One rank's way in: dials the rendezvous, joins, is assigned a parent, links up with parent and children.
#include "bootstrap/bootstrap.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "bootstrap/dial.hpp"
#include "bootstrap/gate.hpp"
#include "bootstrap/tree_control_plane.hpp"

namespace stretto {
namespace {

constexpr std::size_t strangers_max = 64;

bool is_link_local(const Endpoint& endpoint) {
  return endpoint.ipv6 && endpoint.address[0] == 0xfe && (endpoint.address[1] & 0xc0) == 0x80;
}

class TreeBootstrap final : public Bootstrap {
 public:
  TreeBootstrap(System& system, const strettoUniqueId& id, const BootstrapConfig& config);

  std::unique_ptr<ControlPlane> poll() override;
  bool is_known() const override { return config_.n_ranks == 1 || (joined_ && rendezvous_.flushed()); }
  void watch(WaitSet& waits) override;
  std::int64_t next_deadline_ns() const override;

 private:
  Introduction introduction(Role role, Rank server) const;
  void join();
  void hear_rendezvous();
  void on_assign(WireReader& reader);
  void poll_parent();
  void poll_children();
  void on_link(Gate::Guest& guest, const std::vector<std::byte>& frame);
  bool is_child(Rank rank) const { return rank > 0 && rank < config_.n_ranks && (rank - 1) / 2 == config_.rank; }
  int n_children() const {
    return static_cast<int>(std::clamp<std::int64_t>(config_.n_ranks - 1 - std::int64_t{2} * config_.rank, 0, 2));
  }
  std::unique_ptr<ControlPlane> make_plane();
  [[noreturn]] void raise(ErrorInfo info) const;
  [[noreturn]] void raise_deadline() const;

  System& system_;
  BootstrapConfig config_;
  IdContents contents_;
  Member self_;
  std::optional<Dial> dial_;  ///< the rendezvous, then the parent
  Channel rendezvous_;
  Endpoint reached_by_;       ///< this rank's address on the way to the rendezvous
  std::optional<Gate> gate_;  ///< for the children; none: no children, or none yet
  std::vector<Gate::Guest> guests_;
  std::optional<TreeLink> parent_;
  Member parent_member_;
  std::vector<TreeLink> children_;
  bool joined_ = false;
  bool assigned_ = false;
  bool linked_ = false;
  bool ready_ = false;
};

TreeBootstrap::TreeBootstrap(System& system, const strettoUniqueId& id, const BootstrapConfig& config)
    : system_(system), config_(config), contents_(decode_id(id)) {
  ErrorInfo info;
  info.code = strettoInvalidArgument;
  info.rank = config.rank;
  if (config.n_ranks < 1) {
    info.field = "n_ranks";
    info.text = format("a communicator of {} ranks was asked for: at least 1 is needed", config.n_ranks);
    throw Error(std::move(info));
  }
  if (config.rank < 0 || config.rank >= config.n_ranks) {
    info.field = "rank";
    info.text = format("rank {} is out of range: with {} ranks it must be 0 to {}", config.rank, config.n_ranks,
                       config.n_ranks - 1);
    throw Error(std::move(info));
  }
  const HostIdentity identity = system.identity();
  self_ = {config.rank, identity.host_name, identity.process};
  if (config.n_ranks > 1) dial_.emplace(system, contents_.endpoints, contents_.key, introduction(Role::rendezvous, -1));
}

Introduction TreeBootstrap::introduction(Role role, Rank server) const {
  Introduction me;
  me.role = role;
  me.rank = config_.rank;
  me.server = server;
  me.n_ranks = config_.n_ranks;
  return me;
}

void TreeBootstrap::raise(ErrorInfo info) const {
  info.rank = config_.rank;
  if (info.name.empty()) info.name = "rendezvous";
  info.text = format("rank {} of {}: {}", config_.rank, config_.n_ranks, info.text);
  throw Error(std::move(info));
}

void TreeBootstrap::raise_deadline() const {
  ErrorInfo info;
  info.code = strettoTimeout;
  if (!joined_) {
    info.peer = config_.rank == 0 ? -1 : 0;  // whose process listens, as a rule
    info.text = format(
        "set-up deadline: the rendezvous could not be reached at {}. Check that rank 0's process runs, "
        "that the id is of this run, and that this host can connect to that address (firewall?)",
        dial_->trouble());
  } else if (!assigned_) {
    info.text =
        "set-up deadline: other ranks have not come, and the rendezvous does not say which: rank 0's process "
        "may be stopped";
  } else if (config_.rank != 0 && !parent_) {
    info.peer = parent_member_.rank;
    info.host = parent_member_.host;
    info.text = format(
        "set-up deadline: {} could not be reached at {}. Check that ranks can connect to one another "
        "(firewall?)",
        to_string(parent_member_), dial_->trouble());
  } else {
    info.text =
        "set-up deadline: not all ranks could connect to one another, and the rendezvous does not say which: "
        "rank 0's process may be stopped";
  }
  raise(std::move(info));
}

void TreeBootstrap::join() {
  rendezvous_ = dial_->take();
  reached_by_ = dial_->local_endpoint();
  dial_.reset();
  joined_ = true;
  Endpoint listen_at = reached_by_;
  listen_at.port = 0;
  if (n_children() > 0) {
    Handle listener = system_.listen_tcp(listen_at);
    gate_.emplace(system_, std::move(listener), contents_.key, Role::tree, config_.rank, strangers_max);
  }
  WireWriter writer;
  writer.number(Message::join);
  put(writer, self_);
  put(writer, listen_at);
  writer.number(config_.deadline_ns - system_.now_ns());
  rendezvous_.send(writer.take());
}

void TreeBootstrap::hear_rendezvous() {
  rendezvous_.pump();
  while (const auto frame = rendezvous_.take_frame()) {
    WireReader reader(*frame);
    switch (reader.number<Message>()) {
      case Message::reject:
        raise(get_error_info(reader));
      case Message::assign:
        on_assign(reader);
        break;
      case Message::ready:
        if (!linked_) throw Error(strettoRemoteError, "the rendezvous says that all is ready before it is");
        ready_ = true;
        return;
      default:
        throw Error(strettoRemoteError, "the rendezvous sent a message of unknown type");
    }
  }
  if (rendezvous_.ended()) {
    ErrorInfo info;
    info.code = strettoRemoteError;
    if (config_.rank != 0) info.peer = 0;
    info.text = format(
        "the rendezvous at {} closed the connection during set-up: rank 0's process has ended; look at "
        "its output",
        to_string(contents_.endpoints.front()));
    raise(std::move(info));
  }
}

void TreeBootstrap::on_assign(WireReader& reader) {
  if (assigned_) throw Error(strettoRemoteError, "the rendezvous assigned a place twice");
  assigned_ = true;
  if (config_.rank == 0) return;
  parent_member_ = get_member(reader);
  if (parent_member_.rank != (config_.rank - 1) / 2)
    throw Error(strettoRemoteError, "the rendezvous assigned a place that is not this rank's");
  Endpoint address = get_endpoint(reader);
  // The number of an interface means something on its own host only.
  if (is_link_local(address)) address.scope = reached_by_.scope;
  dial_.emplace(system_, std::vector<Endpoint>{address}, contents_.key, introduction(Role::tree, parent_member_.rank));
}

void TreeBootstrap::poll_parent() {
  if (!dial_ || !dial_->poll()) return;
  Channel channel = dial_->take();
  dial_.reset();
  WireWriter writer;
  writer.number(Message::link);
  put(writer, self_);
  channel.send(writer.take());
  channel.flush();
  parent_ = TreeLink{parent_member_, std::move(channel)};
}

void TreeBootstrap::on_link(Gate::Guest& guest, const std::vector<std::byte>& frame) {
  WireReader reader(frame);
  if (reader.number<Message>() != Message::link) return;
  Member member = get_member(reader);
  member.rank = guest.introduction.rank;
  const bool taken =
      std::ranges::any_of(children_, [&](const TreeLink& child) { return child.peer.rank == member.rank; });
  if (!is_child(member.rank) || taken || guest.introduction.n_ranks != config_.n_ranks) return;
  children_.push_back({std::move(member), std::move(guest.channel)});
}

void TreeBootstrap::poll_children() {
  gate_->poll();
  while (auto guest = gate_->next_guest()) guests_.push_back(std::move(*guest));
  std::erase_if(guests_, [&](Gate::Guest& guest) {
    guest.channel.pump();
    const auto frame = guest.channel.take_frame();
    if (!frame) return guest.channel.ended();
    try {
      on_link(guest, *frame);
    } catch (const Error&) {  // not a member's language: turned away
    }
    return true;
  });
}

std::unique_ptr<ControlPlane> TreeBootstrap::make_plane() {
  std::vector<TreeLink> links;
  if (parent_) links.push_back(std::move(*parent_));
  for (TreeLink& child : children_) links.push_back(std::move(child));
  return std::make_unique<TreeControlPlane>(
      system_, self_, config_.n_ranks, std::move(links),
      HeartbeatConfig{config_.heartbeat_interval_ns, config_.heartbeat_timeout_ns});
}

std::unique_ptr<ControlPlane> TreeBootstrap::poll() {
  if (config_.n_ranks == 1) return make_plane();
  try {
    if (!joined_ && dial_->poll()) join();
    if (joined_) hear_rendezvous();
    if (ready_) return make_plane();
    if (assigned_) poll_parent();
  } catch (const Error& error) {
    if (error.info().rank >= 0) throw;
    raise(error.info());
  }
  if (gate_) poll_children();
  if (gate_ && gate_->stuck()) {
    ErrorInfo info;
    info.code = strettoSystemError;
    info.text = format("the ranks below this one in the tree cannot be let in: {}", gate_->trouble());
    raise(std::move(info));
  }
  const bool complete =
      assigned_ && (config_.rank == 0 || parent_) && children_.size() == static_cast<std::size_t>(n_children());
  if (complete && !linked_) {
    linked_ = true;
    gate_.reset();
    const std::vector<std::byte> body = {static_cast<std::byte>(Message::linked)};
    rendezvous_.send(body);
    rendezvous_.flush();
  }
  if (parent_) parent_->channel.flush();  // the link frame, where it did not fit at once
  if (system_.now_ns() >= config_.deadline_ns) raise_deadline();
  return nullptr;
}

void TreeBootstrap::watch(WaitSet& waits) {
  if (dial_) dial_->watch(waits);
  rendezvous_.watch(waits);
  if (gate_) gate_->watch(waits);
  for (Gate::Guest& guest : guests_) guest.channel.watch(waits);
  // Links are not read before all ranks are linked. A neighbour who knows that they are may have spoken already.
  if (parent_) parent_->channel.watch_writes(waits);  // the link frame may still be waiting for room
  for (TreeLink& child : children_) child.channel.watch_writes(waits);
}

std::int64_t TreeBootstrap::next_deadline_ns() const {
  std::int64_t next_ns = config_.deadline_ns;
  if (dial_) next_ns = std::min(next_ns, dial_->next_deadline_ns());
  if (gate_) next_ns = std::min(next_ns, gate_->next_deadline_ns());
  return next_ns;
}

}  // namespace

std::unique_ptr<Bootstrap> make_bootstrap(System& system, const strettoUniqueId& id, const BootstrapConfig& config) {
  return std::make_unique<TreeBootstrap>(system, id, config);
}

}  // namespace stretto
