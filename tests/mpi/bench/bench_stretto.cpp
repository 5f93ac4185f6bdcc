// The benchmark over stretto, by its public interface: bench_stretto RANKS COLLECTIVES SIZES SECONDS [apart] starts its
// ranks itself.
#include <cstdio>
#include <cstdlib>

#include "bench.hpp"
#include "perf/common/launcher.hpp"
#include "stretto/stretto.hpp"

namespace stretto::bench {
namespace {

class Stretto final : public Library {
 public:
  explicit Stretto(Communicator& comm) : comm_(comm) {}
  int rank() const override { return comm_.rank(); }
  int n_ranks() const override { return comm_.size(); }
  double largest(double value) override {
    comm_.all_reduce(&value, 1, strettoMax);
    return value;
  }
  std::function<void()> prepare(const Operation& operation) override {
    return [call = call_of(operation), comm = comm_.handle()] { check(call(), comm); };
  }

 private:
  std::function<strettoResult_t()> call_of(const Operation& o) {
    const strettoComm_t comm = comm_.handle();
    constexpr strettoDataType_t type = strettoFloat32;
    constexpr strettoRedOp_t op = strettoSum;
    switch (o.collective) {
      case Collective::all_reduce:
        return [=, &o] { return strettoAllReduce(o.send, o.receive, o.count, type, op, comm, nullptr); };
      case Collective::all_gather:
        return [=, &o] { return strettoAllGather(o.send, o.receive, o.count, type, comm, nullptr); };
      case Collective::all_gather_v:
        return [=, &o] {
          return strettoAllGatherV(o.send, o.receive, o.receive_counts.data(), o.receive_offsets.data(), type, comm,
                                   nullptr);
        };
      case Collective::reduce_scatter:
        return [=, &o] { return strettoReduceScatter(o.send, o.receive, o.count, type, op, comm, nullptr); };
      case Collective::reduce_scatter_v:
        return
            [=, &o] { return strettoReduceScatterV(o.send, o.receive, o.send_counts.data(), type, op, comm, nullptr); };
      case Collective::broadcast:
        return [=, &o] { return strettoBroadcast(o.send, o.receive, o.count, type, 0, comm, nullptr); };
      case Collective::reduce:
        return [=, &o] { return strettoReduce(o.send, o.receive, o.count, type, op, 0, comm, nullptr); };
      case Collective::all_to_all:
        return [=, &o] { return strettoAllToAll(o.send, o.receive, o.count, type, comm, nullptr); };
      case Collective::all_to_all_v:
        return [=, &o] {
          return strettoAllToAllV(o.send, o.send_counts.data(), o.send_offsets.data(), o.receive,
                                  o.receive_counts.data(), o.receive_offsets.data(), type, comm, nullptr);
        };
      case Collective::gather:
        return [=, &o] { return strettoGather(o.send, o.receive, o.count, type, 0, comm, nullptr); };
      case Collective::scatter:
        return [=, &o] { return strettoScatter(o.send, o.receive, o.count, type, 0, comm, nullptr); };
      case Collective::send_recv:
        return [=, &o] { return send_and_receive(o, comm); };
      case Collective::barrier:
        break;
    }
    return [comm] { return strettoBarrier(comm, nullptr); };
  }

  static strettoResult_t send_and_receive(const Operation& o, strettoComm_t comm) {
    check(strettoGroupStart());
    const strettoResult_t sent = strettoSend(o.send, o.count, strettoFloat32, o.next(), comm, nullptr);
    const strettoResult_t received = strettoRecv(o.receive, o.count, strettoFloat32, o.previous(), comm, nullptr);
    const strettoResult_t ended = strettoGroupEnd();
    return sent != strettoSuccess ? sent : received != strettoSuccess ? received : ended;
  }

  Communicator& comm_;
};

int run_rank(int n_ranks, perf::ChildSlot slot, const std::vector<std::string>& arguments) {
  strettoUniqueId id{};
  if (slot.index == 0) {
    id = make_unique_id();
    perf::send_message(slot, id.internal);
  } else {
    perf::receive_message(slot, id.internal);
  }
  Communicator comm(n_ranks, id, slot.index);
  Stretto library(comm);
  const int code = run(library, arguments);
  comm.close();
  return code;
}

/// The launcher adds "--child INDEX:SOCKET" to the arguments.
int start(std::vector<std::string> arguments) {
  const int n_ranks = arguments.empty() ? 0 : std::atoi(arguments[0].c_str());
  if (n_ranks < 1) {
    std::fputs("arguments: RANKS COLLECTIVES SIZES SECONDS [apart]; see bench.hpp\n", stderr);
    return 2;
  }
  perf::ChildSlot slot;
  if (arguments.size() < 2 || arguments[arguments.size() - 2] != "--child") return perf::launch(n_ranks, arguments);
  if (std::sscanf(arguments.back().c_str(), "%d:%d", &slot.index, &slot.socket) != 2) return 2;
  return run_rank(n_ranks, slot, {arguments.begin() + 1, arguments.end() - 2});
}

}  // namespace
}  // namespace stretto::bench

int main(int argc, char** argv) {
  try {
    return stretto::bench::start(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_stretto: %s\n", error.what());
    return 3;
  }
}
