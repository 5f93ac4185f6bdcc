#include <deque>

#include "base/wire.hpp"
#include "bootstrap/messages.hpp"
#include "bootstrap/rendezvous.hpp"
#include "control.hpp"
#include "frames.hpp"

namespace stretto::fuzz {
namespace {

/// What an honest member would say, so that the later stages are reached.
std::vector<std::byte> right_word(bool first, const Endpoint& listener) {
  WireWriter writer;
  writer.number(first ? Message::join : Message::linked);
  if (first) {
    put(writer, Member{-1, "there", 7});
    put(writer, listener);
    writer.number(20 * second_ns);
  }
  return writer.take();
}

}  // namespace

void run_rendezvous(Input& input) {
  sim::SimWorld world(1, calm(input));
  System& server = world.system(world.add_process(0));
  System& members = world.system(world.add_process(1));
  TreeRendezvous rendezvous(server, Endpoint{false, {127, 0, 0, 1}, 0, 0});
  const IdContents contents = decode_id(rendezvous.id());
  const auto waits = server.make_wait_set();
  const Endpoint& address = contents.endpoints.front();
  const int n_ranks = input.ConsumeIntegralInRange(1, 4);
  std::deque<Intruder> intruders;
  std::deque<int> n_said;
  bool served = false;
  for (int i = 0; i < 60 && input.remaining_bytes() > 0 && !served; ++i) {
    if (intruders.size() < 12 && input.ConsumeIntegralInRange(0, 3) == 0) {
      Introduction me = some_introduction(input, Role::rendezvous, -1);
      if (input.ConsumeIntegralInRange(0, 3) > 0) me.n_ranks = n_ranks;
      if (input.ConsumeIntegralInRange(0, 3) > 0) me.rank = static_cast<Rank>(intruders.size());
      intruders.emplace_back(members, address, contents.key, me);
      n_said.push_back(0);
    }
    for (std::size_t k = 0; k < intruders.size(); ++k) {
      Intruder& intruder = intruders[k];
      if (!intruder.poll() || input.ConsumeBool()) continue;
      const bool right = input.ConsumeIntegralInRange(0, 3) > 0;
      intruder.channel().send(right ? right_word(n_said[k]++ == 0, address) : some_frame(input, address));
      intruder.channel().flush();
      while (intruder.channel().take_frame()) {
      }
      if (input.ConsumeIntegralInRange(0, 31) == 0) intruder.hang_up();
    }
    world.advance_to(world.now_ns() + (input.ConsumeIntegralInRange(0, 31) == 0 ? 3 * second_ns : 10'000));
    served = rendezvous.poll();
    rendezvous.watch(*waits);
    rendezvous.next_deadline_ns();
  }
  if (served) return;
  // Once somebody has joined there is a deadline, and at it an end.
  const std::int64_t deadline_ns = rendezvous.next_deadline_ns();
  if (deadline_ns > world.now_ns() + 100 * second_ns) return;
  world.advance_to(deadline_ns + 1);
  rendezvous.poll();
  rendezvous.counts();
}

}  // namespace stretto::fuzz
