// One rank's part in a communicator from the start of its set-up to its end: what a handle of the C API holds. Set-up
// runs in the service thread, so that nobody needs to wait for it; when it is complete there is a Communicator.
//
// Threads: operations and finalize are for one thread at a time, as they are of a Communicator. All else is for any
// thread at any time; only the destructor must be the last.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "base/fork.hpp"
#include "comm/communicator.hpp"
#include "comm/device_communicator.hpp"
#include "comm/registrations.hpp"

namespace stretto {

class Participant {
 public:
  /// Begins set-up. Throws Error for what is wrong from the start: a bad id, a thread that cannot be had.
  static std::unique_ptr<Participant> begin(const strettoUniqueId& id, int n_ranks, Rank rank,
                                            const Settings& settings);
  /// The same where the id comes while set-up is under way.
  static std::unique_ptr<Participant> begin(std::unique_ptr<IdSource> source, int n_ranks, Rank rank,
                                            const Settings& settings);
  /// All ranks of a new communicator in this process, with settings by rank.
  static std::vector<std::unique_ptr<Participant>> begin_all(std::span<const Settings> settings);
  /// Blocks until the set-up of all has ended, or that of one has failed, and throws that one's Error; or until
  /// `parent`, of which they are a part, has a fault (an abort, a death), and throws that.
  static void await(std::span<const std::unique_ptr<Participant>> participants, const Participant* parent = nullptr);

  /// In set-up: ends it as abort() does. Else says goodbye. Waits at most 1 s for others to take it.
  ~Participant();
  Participant(const Participant&) = delete;
  Participant& operator=(const Participant&) = delete;

  /// False in a forked child of the process that made it, where nothing else may be called, the destructor included.
  bool of_this_process() const { return generation_ == process_generation(); }
  /// Of the one that made it.
  int process() const { return process_; }

  /// Keeps something of this communicator's until the end, after goodbye.
  void hold(std::shared_ptr<void> rendezvous) { rendezvous_ = std::move(rendezvous); }

  Rank rank() const { return rank_; }
  int n_ranks() const { return n_ranks_; }
  /// As they were asked for; what ranks agreed on is in communicator().
  const Settings& settings() const { return settings_; }

  bool in_setup() const { return task_->setup_state() == SetupState::under_way; }
  /// What ended set-up, or the first fault since; nullptr: none so far.
  const ErrorInfo* fault() const;
  /// For operations. Throws Error where there can be none: in set-up, after one that failed, when finalized.
  Communicator& communicator() {
    Communicator* const open = open_.load(std::memory_order_acquire);
    return open != nullptr ? *open : static_cast<Communicator&>(communicator_or_why());
  }
  bool on_device() const { return settings_.gpu != nullptr; }
  /// The same for a device communicator; exactly one of the two may be called.
  DeviceCommunicator& device_communicator() {
    DeviceCommunicator* const open = open_on_device_.load(std::memory_order_acquire);
    return open != nullptr ? *open : static_cast<DeviceCommunicator&>(communicator_or_why());
  }
  /// What either kind is. Throws Error as the two do.
  Lifecycle& lifecycle() { return communicator_or_why(); }
  /// The secret of the ranks of this communicator. After lifecycle().
  const std::array<std::byte, 32>& key() const { return key_; }
  /// Gathers bytes of all ranks, each of which must call this, without the data path; `phase` names it in errors.
  /// Throws Error, after the data deadline too.
  std::vector<std::vector<std::byte>> gather(std::vector<std::byte> mine, const char* phase);
  /// Completes all that was issued; afterwards there are no operations any more, which the others are told. Again:
  /// nothing. Throws Error: of the operation that could not be completed, or as communicator() does.
  void finalize();
  void abort();
  /// The caller's memory that this communicator was told of.
  Registrations& registrations() { return registrations_; }

 private:
  Participant(int n_ranks, Rank rank, const Settings& settings, std::shared_ptr<MembershipTask> task);

  Lifecycle& communicator_or_why();
  Lifecycle* adopt();
  void make_communicator(Membership membership);

  const std::uint32_t generation_ = process_generation();
  const int process_;
  Rank rank_;
  int n_ranks_;
  Settings settings_;
  std::shared_ptr<MembershipTask> task_;
  std::shared_ptr<void> rendezvous_;  ///< what the last of its holders ends: of begin_all, of the first of a split

  std::mutex mutex_;  ///< guards the making of communicator_
  std::unique_ptr<Lifecycle> communicator_;
  std::array<std::byte, 32> key_{};           ///< once there is a communicator_
  bool adoption_failed_ = false;              ///< there will be no communicator_: the fault says why
  std::atomic<Lifecycle*> made_{nullptr};     ///< communicator_, once made
  std::atomic<Communicator*> open_{nullptr};  ///< the same, while operations are allowed, if it is of host memory
  std::atomic<DeviceCommunicator*> open_on_device_{nullptr};  ///< if it is of a device
  std::atomic<bool> finalized_{false};
  Registrations registrations_;
};

}  // namespace stretto
