#include "thread_kernels.hpp"

#include <set>

#include "device/arithmetic.hpp"

namespace stretto::test {
namespace {

using device::Protocol;

template <class Arithmetic>
RunThread choose(KernelForm form) {
  if (form == KernelForm::exchange) {
    return [](ThreadMachine& machine, const ThreadLaunch& launch) {
      device::ExchangeRunner<ThreadMachine, Arithmetic>(machine, *launch.exchange, *launch.links, launch.strand).run();
    };
  }
  if (form == KernelForm::wide_exchange) {
    return [](ThreadMachine& machine, const ThreadLaunch& launch) {
      const auto run = [&]<bool plain>() {
        using Runner = device::WideExchangeRunner<ThreadMachine, Arithmetic, plain>;
        Runner(machine, *launch.exchange, *launch.links, launch.strand).run();
      };
      if (is_plain(*launch.exchange)) {
        run.template operator()<true>();
      } else {
        run.template operator()<false>();
      }
    };
  }
  if (form == KernelForm::short_sum) {
    if constexpr (Arithmetic::reduces) {
      return [](ThreadMachine& machine, const ThreadLaunch& launch) {
        using Runner = device::ShortSumRunner<ThreadMachine, Arithmetic, device::kMostShortSumPartsPerThread>;
        Runner(machine, *launch.short_sum, *launch.landing, launch.strand).run();
      };
    }
    return nullptr;
  }
  if (form == KernelForm::packets) {
    return [](ThreadMachine& machine, const ThreadLaunch& launch) {
      device::Interpreter<ThreadMachine, Arithmetic, Protocol::packets>(machine, *launch.program, *launch.operation,
                                                                        launch.strand)
          .run();
    };
  }
  return [](ThreadMachine& machine, const ThreadLaunch& launch) {
    device::Interpreter<ThreadMachine, Arithmetic, Protocol::slots>(machine, *launch.program, *launch.operation,
                                                                    launch.strand)
        .run();
  };
}

template <template <device::Op> class Reduce>
RunThread choose(strettoRedOp_t op, KernelForm form) {
  switch (op) {
    case strettoProd:
      return choose<Reduce<device::Op::prod>>(form);
    case strettoMax:
      return choose<Reduce<device::Op::max>>(form);
    case strettoMin:
      return choose<Reduce<device::Op::min>>(form);
    default:
      return choose<Reduce<device::Op::sum>>(form);
  }
}

RunThread choose(strettoDataType_t type, strettoRedOp_t op, KernelForm form) {
  switch (type) {
    case strettoInt8:
      return choose<device::ReduceInt8>(op, form);
    case strettoUint8:
      return choose<device::ReduceUint8>(op, form);
    case strettoInt32:
      return choose<device::ReduceInt32>(op, form);
    case strettoUint32:
      return choose<device::ReduceUint32>(op, form);
    case strettoInt64:
      return choose<device::ReduceInt64>(op, form);
    case strettoUint64:
      return choose<device::ReduceUint64>(op, form);
    case strettoFloat16:
      return choose<device::ReduceHalf>(op, form);
    case strettoFloat32:
      return choose<device::ReduceFloat32>(op, form);
    case strettoFloat64:
      return choose<device::ReduceFloat64>(op, form);
    case strettoBfloat16:
      return choose<device::ReduceBfloat16>(op, form);
    case strettoFloat8e4m3:
      return choose<device::ReduceE4m3>(op, form);
    default:
      return choose<device::ReduceE5m2>(op, form);
  }
}

}  // namespace

RunThread thread_kernel(strettoDataType_t type, strettoRedOp_t op, bool reduces, KernelForm form) {
  if (form == KernelForm::pairs) {
    return [](ThreadMachine& machine, const ThreadLaunch& launch) {
      device::run_pairs<device::Bytes>(machine, *launch.program, *launch.operation, launch.strand);
    };
  }
  return reduces ? choose(type, op, form) : choose<device::Bytes>(form);
}

bool strands_share_channels(const device::ProgramView& program) {
  std::set<std::uint16_t> channels;
  for (std::uint32_t i = 0; i < program.header->n_strands; ++i) channels.insert(program.strands[i].channel);
  return channels.size() < program.header->n_strands;
}

}  // namespace stretto::test
