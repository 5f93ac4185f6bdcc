#include "comm/reunion.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <optional>
#include <utility>

#include "base/system.hpp"
#include "base/text.hpp"
#include "comm/rendezvous_task.hpp"
#include "comm/service.hpp"

namespace stretto {
namespace {

/// Beyond the deadline of those who meet, by which the rendezvous has ended by itself.
constexpr std::int64_t kGraceNs = 5'000'000'000;

/// How long a rank that cannot take part stays to say so.
constexpr std::int64_t kRefusalNs = 1'000'000'000;

/// What goes on in the service thread for one rank that meets others, until it is finished or given up.
class ReunionTask : public ServiceTask {
 public:
  explicit ReunionTask(const MeetingPlace& place) : place_(place) {}
  /// Any thread: it hangs up.
  void give_up() { given_up_.store(true, std::memory_order_release); }
  bool is_of(const MeetingPlace& place) const { return place.name == place_.name && place.rank == place_.rank; }

  void poll() final {
    if (finished_) return;
    bool ended = given_up_.load(std::memory_order_acquire) || posix_system().now_ns() > place_.deadline_ns + kGraceNs;
    try {
      ended = ended || advance();
    } catch (const std::exception&) {  // the others end by their own deadline
      ended = true;
    }
    if (!ended) return;
    finished_ = true;
    hang_up();
  }
  bool finished() const final { return finished_; }

 protected:
  /// True when all is done.
  virtual bool advance() = 0;
  virtual void hang_up() = 0;

 private:
  MeetingPlace place_;
  std::atomic<bool> given_up_{false};
  bool finished_ = false;
};

/// The first of those who are left: hands out the id, and is the rendezvous behind it.
class HostTask final : public ReunionTask {
 public:
  HostTask(const MeetingPlace& place, std::unique_ptr<Rendezvous> rendezvous, const std::optional<ErrorInfo>& refusal)
      : ReunionTask(place),
        rendezvous_(std::move(rendezvous)),
        id_(rendezvous_ ? rendezvous_->id() : strettoUniqueId{}),
        meeting_(std::in_place, posix_system(), place, id_, refusal) {}

  /// Any thread: this rank has given up, and those who come are told.
  void withdraw() { withdrawn_.store(true, std::memory_order_release); }
  /// With the service's lock held: what was decided. Throws Error: that there is no communicator.
  std::optional<strettoUniqueId> verdict() const {
    if (failure_) throw Error(*failure_);
    return decided_ ? std::optional(id_) : std::nullopt;
  }

  void watch(WaitSet& waits) override {
    if (meeting_) meeting_->watch(waits);
    if (rendezvous_) rendezvous_->watch(waits);
  }
  std::int64_t next_deadline_ns() override {
    std::int64_t next_ns = posix_system().now_ns() + kGraceNs;
    if (meeting_) next_ns = std::min(next_ns, meeting_->next_deadline_ns());
    if (rendezvous_) next_ns = std::min(next_ns, rendezvous_->next_deadline_ns());
    return next_ns;
  }

 private:
  bool advance() override {
    if (meeting_) {
      if (withdrawn_.load(std::memory_order_acquire)) meeting_->withdraw();
      const bool all_told = meeting_->poll();
      decided_ = meeting_->decided();
      if (meeting_->failure() != nullptr) {
        failure_ = *meeting_->failure();
        rendezvous_.reset();
      }
      if (all_told) meeting_.reset();
    }
    if (rendezvous_ && rendezvous_->poll()) rendezvous_.reset();
    return !meeting_ && !rendezvous_;
  }
  void hang_up() override {
    meeting_.reset();
    rendezvous_.reset();
  }

  std::unique_ptr<Rendezvous> rendezvous_;
  strettoUniqueId id_;
  std::optional<MeetingHost> meeting_;
  std::atomic<bool> withdrawn_{false};
  bool decided_ = false;
  std::optional<ErrorInfo> failure_;
};

/// Another one, which only says why it cannot take part.
class RefusalTask final : public ReunionTask {
 public:
  RefusalTask(const MeetingPlace& place, const ErrorInfo& refusal)
      : ReunionTask(place), meeting_(std::in_place, posix_system(), place, refusal) {}
  void watch(WaitSet& waits) override {
    if (meeting_) meeting_->watch(waits);
  }
  std::int64_t next_deadline_ns() override { return meeting_ ? meeting_->next_deadline_ns() : 0; }

 private:
  bool advance() override { return meeting_->poll(); }
  void hang_up() override { meeting_.reset(); }

  std::optional<MeetingGuest> meeting_;
};

class FromHere final : public IdSource {
 public:
  FromHere(std::shared_ptr<HostTask> task, const MeetingPlace& place) : task_(std::move(task)), place_(place) {}
  ~FromHere() override {
    if (!known_) task_->withdraw();
  }
  FromHere(const FromHere&) = delete;
  FromHere& operator=(const FromHere&) = delete;

  std::optional<strettoUniqueId> poll() override {
    task_->poll();
    std::optional<strettoUniqueId> id;
    try {
      id = task_->verdict();
    } catch (const Error& error) {
      known_ = true;  // the task goes on, to tell the others
      ErrorInfo info = error.info();
      info.rank = place_.host();
      info.host = posix_system().identity().host_name;
      info.name = place_.topic;
      info.text = format("rank {}: {}", info.rank, info.text);
      throw Error(info);
    }
    known_ = id.has_value();
    if (!known_ && task_->finished()) throw Error(strettoAborted, "another call for the same meeting has begun");
    return id;
  }
  bool is_known() const override { return true; }
  void watch(WaitSet&) override {}
  std::int64_t next_deadline_ns() const override { return place_.deadline_ns + kGraceNs; }

 private:
  std::shared_ptr<HostTask> task_;
  MeetingPlace place_;
  bool known_ = false;
};

class FromHost final : public IdSource {
 public:
  explicit FromHost(const MeetingPlace& place) : meeting_(posix_system(), place, std::nullopt) {}
  std::optional<strettoUniqueId> poll() override {
    return meeting_.poll() ? std::optional(meeting_.id()) : std::nullopt;
  }
  bool is_known() const override { return meeting_.is_known(); }
  void watch(WaitSet& waits) override { meeting_.watch(waits); }
  std::int64_t next_deadline_ns() const override { return meeting_.next_deadline_ns(); }

 private:
  MeetingGuest meeting_;
};

/// What a call before this one, which did not succeed, has left in the service thread: it would answer in its place.
void end_what_is_left_of(const MeetingPlace& place) {
  Service::of_process().for_each([&](ServiceTask& task) {
    auto* const reunion = dynamic_cast<ReunionTask*>(&task);
    if (reunion == nullptr || !reunion->is_of(place)) return;
    reunion->give_up();
    reunion->poll();
  });
}

/// The others are told in the background, as far as they come.
[[noreturn]] void tell_and_throw(MeetingPlace place, const ErrorInfo& refusal) {
  place.deadline_ns = std::min(place.deadline_ns, posix_system().now_ns() + kRefusalNs);
  if (place.rank == place.host()) {
    Service::of_process().add(std::make_shared<HostTask>(place, nullptr, refusal));
  } else {
    Service::of_process().add(std::make_shared<RefusalTask>(place, refusal));
  }
  throw Error(refusal);
}

std::unique_ptr<IdSource> host(const MeetingPlace& place) {
  std::unique_ptr<Rendezvous> rendezvous;
  try {
    rendezvous = make_local_rendezvous();
  } catch (const Error& error) {
    tell_and_throw(place, error.info());
  }
  auto task = std::make_shared<HostTask>(place, std::move(rendezvous), std::nullopt);
  Service::of_process().add(task);
  return std::make_unique<FromHere>(std::move(task), place);
}

}  // namespace

std::unique_ptr<IdSource> meet_at(const MeetingPlace& place) {
  end_what_is_left_of(place);
  return place.rank == place.host() ? host(place) : std::make_unique<FromHost>(place);
}

void refuse_at(const MeetingPlace& place, const ErrorInfo& refusal) {
  end_what_is_left_of(place);
  tell_and_throw(place, refusal);
}

}  // namespace stretto
