#include "comm/rendezvous_task.hpp"

#include <cstring>
#include <memory>

#include "base/log.hpp"
#include "comm/service.hpp"

namespace stretto {
namespace {

class RendezvousTask : public ServiceTask {
 public:
  explicit RendezvousTask(std::unique_ptr<Rendezvous> rendezvous)
      : id_(rendezvous->id()), rendezvous_(std::move(rendezvous)) {}

  const strettoUniqueId& id() const { return id_; }
  void end() { finished_ = true; }
  bool unused() const { return rendezvous_ && rendezvous_->unused(); }

  void poll() override {
    advance([this] { return rendezvous_->poll(); });
  }
  void poll_ready(std::span<const int> ready_handles) override {
    advance([&] { return rendezvous_->poll_ready(ready_handles); });
  }
  bool finished() const override { return finished_; }
  void watch(WaitSet& waits) override {
    if (rendezvous_) rendezvous_->watch(waits);
  }
  std::int64_t next_deadline_ns() override { return rendezvous_ ? rendezvous_->next_deadline_ns() : 0; }

 private:
  template <typename Poll>
  void advance(const Poll& poll_it) {
    try {
      finished_ = finished_ || poll_it();
    } catch (const std::exception& error) {
      log(LogLevel::error, "event=rendezvous_failed text=\"{}\"", error.what());
      finished_ = true;
    }
    if (finished_) rendezvous_.reset();
  }

  strettoUniqueId id_;
  std::unique_ptr<Rendezvous> rendezvous_;
  bool finished_ = false;
};

strettoUniqueId start(std::unique_ptr<Rendezvous> rendezvous) {
  const strettoUniqueId id = rendezvous->id();
  auto task = std::make_shared<RendezvousTask>(std::move(rendezvous));
  Service::of_process().add(std::move(task));
  return id;
}

template <typename Condition>
void end_if(const strettoUniqueId& id, const Condition& condition) {
  Service::of_process().for_each([&](ServiceTask& task) {
    auto* const rendezvous = dynamic_cast<RendezvousTask*>(&task);
    if (rendezvous == nullptr || std::memcmp(&rendezvous->id(), &id, sizeof id) != 0) return;
    if (condition(*rendezvous)) rendezvous->end();
  });
}

}  // namespace

strettoUniqueId start_rendezvous(const Endpoint& address, const std::optional<std::array<std::byte, 32>>& key) {
  return start(make_rendezvous(posix_system(), address, key));
}

strettoUniqueId start_local_rendezvous() { return start(make_local_rendezvous()); }

std::unique_ptr<Rendezvous> make_local_rendezvous() {
  try {
    return make_rendezvous(posix_system(), Endpoint{false, {127, 0, 0, 1}, 0, 0});
  } catch (const Error&) {
    Endpoint loopback6{true, {}, 0, 0};
    loopback6.address[15] = 1;
    return make_rendezvous(posix_system(), loopback6);
  }
}

void end_rendezvous(const strettoUniqueId& id) {
  end_if(id, [](const RendezvousTask&) { return true; });
}

void end_unused_rendezvous(const strettoUniqueId& id) {
  end_if(id, [](const RendezvousTask& rendezvous) { return rendezvous.unused(); });
}

}  // namespace stretto
