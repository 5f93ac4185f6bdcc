// Ranks that run plans over shared memory while one of those who share it writes what it likes into it: flags, tags,
// payloads, credits. Results may be wrong and operations may never end; nobody touches memory that is not its own, and
// what is refused is refused naming a rank.
#include <cstring>
#include <memory>

#include "algorithms/catalogue.hpp"
#include "base/datatypes.hpp"
#include "exec/host_executor.hpp"
#include "exec/pair_executor.hpp"
#include "fuzz.hpp"
#include "planner/planner.hpp"
#include "transports/shm/layout.hpp"
#include "transports/shm/ports.hpp"

namespace stretto::fuzz {
namespace {

struct alignas(4096) Page {
  std::byte bytes[4096];
};

class Host {
 public:
  explicit Host(Input& input)
      : input_(input),
        n_ranks_(input.ConsumeIntegralInRange(2, 4)),
        slots_(one_of(input, {2U, 4U})),
        slot_bytes_(one_of<std::size_t>(input, {64, 128, 256})),
        layout_(static_cast<std::size_t>(n_ranks_), kChannels, slots_, slot_bytes_),
        pages_((layout_.bytes() + sizeof(Page) - 1) / sizeof(Page)) {
    first_position_ = one_of(input, {0U, 0U - 2 * slots_});
    std::memset(memory(), 0, layout_.bytes());
    open_ports();
    for (Rank rank = 0; rank < n_ranks_; ++rank) {
      executors_.emplace_back(rank);
      pairs_.emplace_back(rank, n_ranks_, ports_of(rank), slot_bytes_);
    }
  }

  void run() {
    for (int i = 0; i < 3 && input_.remaining_bytes() > 0; ++i) {
      if (!(input_.ConsumeIntegralInRange(0, 3) == 0 ? run_pairs() : run_collective())) return;
    }
  }

 private:
  static constexpr std::size_t kChannels = 2;

  std::byte* memory() { return pages_.front().bytes; }
  shm::Connection connection(Rank from, Rank to, int channel) {
    return layout_.at(memory(), static_cast<std::size_t>(from), static_cast<std::size_t>(to),
                      static_cast<std::size_t>(channel));
  }
  std::size_t port_index(Rank from, Rank to, int channel) const {
    return (static_cast<std::size_t>(from * n_ranks_ + to)) * kChannels + static_cast<std::size_t>(channel);
  }

  void open_ports() {
    for (Rank from = 0; from < n_ranks_; ++from) {
      for (Rank to = 0; to < n_ranks_; ++to) {
        for (int channel = 0; channel < static_cast<int>(kChannels); ++channel) {
          shm::PortConfig port{{}, slots_, slot_bytes_, first_position_};
          if (from != to) {
            port.connection = connection(from, to, channel);
            port.connection.credits->released.store(first_position_);
          }
          send_ports_.emplace_back(port);
          receive_ports_.emplace_back(port);
        }
      }
    }
  }
  PortSource ports_of(Rank rank) {
    return {
        [=, this](Rank peer, int channel) -> SendPort& { return send_ports_[port_index(rank, peer, channel)]; },
        [=, this](Rank peer, int channel) -> ReceivePort& { return receive_ports_[port_index(peer, rank, channel)]; }};
  }

  Request some_request() {
    Request request;
    const auto rows = collective_rows();
    request.collective = rows[input_.ConsumeIntegralInRange<std::size_t>(0, rows.size() - 1)].collective;
    request.type = static_cast<strettoDataType_t>(input_.ConsumeIntegralInRange(0, strettoNumDataTypes - 1));
    request.op = static_cast<strettoRedOp_t>(input_.ConsumeIntegralInRange(0, strettoNumRedOps - 1));
    request.count = input_.ConsumeIntegralInRange<std::size_t>(0, 300);
    request.root = row_of(request.collective).rooted ? input_.ConsumeIntegralInRange(0, n_ranks_ - 1) : -1;
    return request;
  }

  /// False when it did not end well.
  bool run_collective() {
    const Request request = some_request();
    const CollectiveRow& row = row_of(request.collective);
    const AlgorithmRow& algorithm = catalogue()[input_.ConsumeIntegralInRange<std::size_t>(0, catalogue().size() - 1)];
    const PlanSpec spec{request.collective, algorithm.name, n_ranks_, request.root, algorithm.channel_multiple};
    LinkModel link;
    link.slots = slots_;
    link.slot_bytes = slot_bytes_;
    if (!algorithm.supports(request.collective) || !fits(algorithm, spec, kChannels, link)) return true;
    std::vector<std::unique_ptr<PreparedPlan>> plans;
    std::vector<Binding> bindings;
    std::vector<std::unique_ptr<std::byte[]>> inputs, outputs;  // of exact sizes: the sanitizer guards their ends
    for (Rank rank = 0; rank < n_ranks_; ++rank) {
      plans.push_back(std::make_unique<PreparedPlan>(prepare(make_plan(spec, rank), ports_of(rank))));
      const Binding& binding = bindings.emplace_back(bind_request(request, *plans.back(), slot_bytes_));
      const auto buffer_of = [&](const Side& side) {
        const BlockWindow window = window_of(row, side, rank, request.root, n_ranks_);
        return std::make_unique<std::byte[]>(binding.block_bytes * static_cast<std::size_t>(window.count));
      };
      inputs.push_back(buffer_of(row.input));
      outputs.push_back(buffer_of(row.output));
    }
    for (std::size_t i = 0; i < executors_.size(); ++i) {
      executors_[i].start(bindings[i], operation_, inputs[i].get(), outputs[i].get());
    }
    ++operation_;
    return poll_all(executors_);
  }

  /// A send and a receive for some pairs of ranks, and perhaps not the ones that belong together.
  bool run_pairs() {
    std::vector<std::unique_ptr<std::byte[]>> buffers;
    for (PairExecutor& pair : pairs_) pair.begin(operation_);
    for (int left = input_.ConsumeIntegralInRange(1, 6); left > 0; --left) {
      const Rank from = input_.ConsumeIntegralInRange(0, n_ranks_ - 1);
      const Rank to = (from + input_.ConsumeIntegralInRange(1, n_ranks_ - 1)) % n_ranks_;
      for (const bool sends : {true, false}) {
        Transfer transfer;
        transfer.peer = sends ? to : from;
        transfer.sends = sends;
        transfer.bytes = input_.ConsumeIntegralInRange<std::size_t>(0, 600);
        transfer.tag.collective = static_cast<std::uint8_t>(Collective::send);
        transfer.memory = buffers.emplace_back(std::make_unique<std::byte[]>(transfer.bytes)).get();
        pairs_[static_cast<std::size_t>(sends ? from : to)].add(transfer);
      }
    }
    ++operation_;
    return poll_all(pairs_);
  }

  template <typename Executor>
  bool poll_all(std::vector<Executor>& executors) {
    std::vector<bool> done(executors.size());
    std::size_t left = done.size();
    bool faulted = false;
    for (int idle = 0; left > 0 && idle < 20 && !faulted;) {
      tamper();
      bool moved = false;
      for (std::size_t i = 0; i < executors.size() && !faulted; ++i) {
        if (done[i]) continue;
        const std::uint64_t before = executors[i].steps();
        const Progress progress = executors[i].poll();
        faulted = progress == Progress::faulted;
        if (faulted) judge(executors[i].fault());
        done[i] = progress == Progress::done;
        left -= done[i] ? 1 : 0;
        moved = moved || executors[i].steps() != before;
        for (const Blocked& blocked : executors[i].blocked()) STRETTO_ASSERT(blocked.peer >= 0);
      }
      idle = moved ? 0 : idle + 1;
    }
    for (Executor& executor : executors) executor.give_up();
    return left == 0;
  }

  void judge(const ErrorInfo& fault) const {
    STRETTO_ASSERT(fault.peer >= 0 && fault.peer < n_ranks_ && !fault.field.empty() && !fault.text.empty());
  }

  /// What the hostile one writes, between any two polls of the others.
  void tamper() {
    for (int left = input_.ConsumeIntegralInRange(0, 2); left > 0; --left) {
      const Rank from = input_.ConsumeIntegralInRange(0, n_ranks_ - 1);
      const Rank to = (from + input_.ConsumeIntegralInRange(1, n_ranks_ - 1)) % n_ranks_;
      const shm::Connection it = connection(from, to, input_.ConsumeIntegralInRange(0, int{kChannels} - 1));
      shm::SlotLine& line = it.lines[input_.ConsumeIntegralInRange(0U, slots_ - 1)];
      switch (input_.ConsumeIntegralInRange(0, 5)) {
        case 0: {  // a flag that may be the expected one
          const std::uint32_t sequence = first_position_ + input_.ConsumeIntegralInRange(0U, 40U);
          const std::uint64_t bytes =
              input_.ConsumeBool() ? input_.ConsumeIntegralInRange(0U, 300U) : input_.ConsumeIntegral<std::uint32_t>();
          line.flag.store(bytes << 32 | sequence);
          break;
        }
        case 1:
          it.credits->released.store(first_position_ + input_.ConsumeIntegralInRange(0U, 60U) - 20);
          break;
        case 2:
          it.credits->released.store(input_.ConsumeIntegral<std::uint32_t>());
          break;
        case 3:
          input_.ConsumeData(&line.tag, sizeof(line.tag));
          break;
        case 4:
          input_.ConsumeData(&line, sizeof(line));
          break;
        default: {  // anywhere
          const std::size_t at = input_.ConsumeIntegralInRange<std::size_t>(0, layout_.bytes() - 64);
          input_.ConsumeData(memory() + at, 64);
        }
      }
    }
  }

  Input& input_;
  int n_ranks_;
  std::uint32_t slots_;
  std::size_t slot_bytes_;
  shm::Layout layout_;
  std::vector<Page> pages_;
  std::uint32_t first_position_ = 0;
  std::vector<shm::ShmSendPort> send_ports_;  ///< by sender, receiver, channel
  std::vector<shm::ShmReceivePort> receive_ports_;
  std::vector<HostExecutor> executors_;
  std::vector<PairExecutor> pairs_;
  std::uint64_t operation_ = 0;
};

}  // namespace
}  // namespace stretto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stretto::fuzz::Input input(data, size);
  stretto::fuzz::Host(input).run();
  return 0;
}
