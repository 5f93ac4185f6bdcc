#include "frames.hpp"

#include "base/wire.hpp"
#include "bootstrap/messages.hpp"

namespace stretto::fuzz {
namespace {

Member some_member(Input& input) { return {some_rank(input), input.ConsumeRandomLengthString(8), 1}; }

Endpoint some_endpoint(Input& input, const Endpoint& known) {
  Endpoint endpoint = known;
  if (input.ConsumeIntegralInRange(0, 3) > 0) return endpoint;
  endpoint.ipv6 = input.ConsumeBool();
  endpoint.port = input.ConsumeIntegral<std::uint16_t>();
  endpoint.address[0] = input.ConsumeIntegral<std::uint8_t>();
  endpoint.address[1] = input.ConsumeIntegral<std::uint8_t>();
  return endpoint;
}

ErrorInfo some_fault(Input& input) {
  ErrorInfo info;
  info.code = static_cast<strettoResult_t>(input.ConsumeIntegralInRange(0, int{strettoNumResults}));
  info.text = input.ConsumeRandomLengthString(20);
  info.host = input.ConsumeRandomLengthString(8);
  info.rank = some_rank(input);
  info.peer = some_rank(input);
  info.operation = input.ConsumeIntegral<std::int64_t>();
  info.step = input.ConsumeIntegral<std::int32_t>();
  return info;
}

void put_blobs(Input& input, WireWriter& writer) {
  const bool near = input.ConsumeIntegralInRange(0, 15) > 0;
  writer.number(near ? input.ConsumeIntegralInRange<std::uint64_t>(0, 4) : input.ConsumeIntegral<std::uint64_t>());
  for (int left = input.ConsumeIntegralInRange(0, 4); left > 0; --left) {
    writer.number(some_rank(input));
    writer.blob(some_bytes(input, 20));
  }
}

void put_body(Input& input, Message type, const Endpoint& known, WireWriter& writer) {
  switch (type) {
    case Message::join:
      put(writer, some_member(input));
      put(writer, some_endpoint(input, known));
      writer.number(input.ConsumeBool() ? 20 * second_ns : input.ConsumeIntegral<std::int64_t>());
      break;
    case Message::assign:
      put(writer, some_member(input));
      put(writer, some_endpoint(input, known));
      break;
    case Message::reject:
    case Message::fault:
      put(writer, some_fault(input));
      break;
    case Message::link:
      put(writer, some_member(input));
      break;
    case Message::blobs:
      put_blobs(input, writer);
      break;
    case Message::goodbye:
      writer.number(some_rank(input));
      writer.number(input.ConsumeIntegralInRange<std::uint64_t>(0, 9));
      break;
    default:
      break;
  }
}

}  // namespace

std::vector<std::byte> some_frame(Input& input, const Endpoint& known) {
  const auto type = one_of(input, {Message::join, Message::linked, Message::assign, Message::ready, Message::reject,
                                   Message::link, Message::beat, Message::blobs, Message::blobs, Message::fault,
                                   Message::goodbye, Message::goodbye_ack, Message{99}});
  WireWriter writer;
  writer.number(type);
  put_body(input, type, known, writer);
  std::vector<std::byte> frame = writer.take();
  if (type == Message{99}) {  // any bytes at all
    frame = some_bytes(input, 60);
    frame.push_back(std::byte{});
  } else if (input.ConsumeIntegralInRange(0, 15) == 0) {  // cut off, or with something behind
    frame.resize(input.ConsumeIntegralInRange<std::size_t>(1, frame.size() + 8));
  }
  return frame;
}

}  // namespace stretto::fuzz
