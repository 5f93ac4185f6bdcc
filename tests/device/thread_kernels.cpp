#include "thread_kernels.hpp"

#include <set>

#include "device/arithmetic.hpp"

namespace stretto::test {
namespace {

using device::Protocol;

template <class Arithmetic>
RunThread choose(Protocol protocol) {
  if (protocol == Protocol::packets) {
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
RunThread choose(strettoRedOp_t op, Protocol protocol) {
  switch (op) {
    case strettoProd:
      return choose<Reduce<device::Op::prod>>(protocol);
    case strettoMax:
      return choose<Reduce<device::Op::max>>(protocol);
    case strettoMin:
      return choose<Reduce<device::Op::min>>(protocol);
    default:
      return choose<Reduce<device::Op::sum>>(protocol);
  }
}

RunThread choose(strettoDataType_t type, strettoRedOp_t op, Protocol protocol) {
  switch (type) {
    case strettoInt8:
      return choose<device::ReduceInt8>(op, protocol);
    case strettoUint8:
      return choose<device::ReduceUint8>(op, protocol);
    case strettoInt32:
      return choose<device::ReduceInt32>(op, protocol);
    case strettoUint32:
      return choose<device::ReduceUint32>(op, protocol);
    case strettoInt64:
      return choose<device::ReduceInt64>(op, protocol);
    case strettoUint64:
      return choose<device::ReduceUint64>(op, protocol);
    case strettoFloat16:
      return choose<device::ReduceHalf>(op, protocol);
    case strettoFloat32:
      return choose<device::ReduceFloat32>(op, protocol);
    case strettoFloat64:
      return choose<device::ReduceFloat64>(op, protocol);
    case strettoBfloat16:
      return choose<device::ReduceBfloat16>(op, protocol);
    case strettoFloat8e4m3:
      return choose<device::ReduceE4m3>(op, protocol);
    default:
      return choose<device::ReduceE5m2>(op, protocol);
  }
}

}  // namespace

RunThread thread_kernel(strettoDataType_t type, strettoRedOp_t op, bool reduces, Protocol protocol) {
  return reduces ? choose(type, op, protocol) : choose<device::Bytes>(protocol);
}

bool strands_share_channels(const device::ProgramView& program) {
  std::set<std::uint16_t> channels;
  for (std::uint32_t i = 0; i < program.header->n_strands; ++i) channels.insert(program.strands[i].channel);
  return channels.size() < program.header->n_strands;
}

}  // namespace stretto::test
