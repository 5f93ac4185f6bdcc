#include "comm/rendezvous_task.hpp"

#include <memory>

#include "base/log.hpp"
#include "bootstrap/bootstrap.hpp"
#include "comm/service.hpp"

namespace stretto {
namespace {

class RendezvousTask : public ServiceTask {
 public:
  explicit RendezvousTask(std::unique_ptr<Rendezvous> rendezvous) : rendezvous_(std::move(rendezvous)) {}

  void poll() override {
    try {
      finished_ = finished_ || rendezvous_->poll();
    } catch (const Error& error) {
      log(LogLevel::error, "event=rendezvous_failed text=\"{}\"", error.what());
      finished_ = true;
    }
    if (finished_) rendezvous_.reset();
  }
  bool finished() const override { return finished_; }
  void watch(WaitSet& waits) override {
    if (rendezvous_) rendezvous_->watch(waits);
  }
  std::int64_t next_deadline_ns() override { return rendezvous_ ? rendezvous_->next_deadline_ns() : 0; }

 private:
  std::unique_ptr<Rendezvous> rendezvous_;
  bool finished_ = false;
};

}  // namespace

strettoUniqueId start_rendezvous(const Endpoint& address, std::int64_t setup_timeout_ns) {
  auto rendezvous = make_rendezvous(posix_system(), address, setup_timeout_ns);
  const strettoUniqueId id = rendezvous->id();
  Service::of_process().add(std::make_shared<RendezvousTask>(std::move(rendezvous)));
  return id;
}

}  // namespace stretto
