#include <deque>

#include "bootstrap/rendezvous.hpp"
#include "control.hpp"
#include "frames.hpp"

namespace stretto::fuzz {

void run_rendezvous(Input& input) {
  sim::SimWorld world(1, calm(input));
  System& server = world.system(world.add_process(0));
  System& members = world.system(world.add_process(1));
  TreeRendezvous rendezvous(server, Endpoint{false, {127, 0, 0, 1}, 0, 0});
  const IdContents contents = decode_id(rendezvous.id());
  const auto waits = server.make_wait_set();
  std::deque<Intruder> intruders;
  bool served = false;
  for (int i = 0; i < 60 && input.remaining_bytes() > 0 && !served; ++i) {
    if (intruders.size() < 12 && input.ConsumeIntegralInRange(0, 3) == 0) {
      intruders.emplace_back(members, contents.endpoints.front(), contents.key,
                             some_introduction(input, Role::rendezvous, -1));
    }
    for (Intruder& intruder : intruders) {
      if (!intruder.poll() || input.ConsumeBool()) continue;
      intruder.channel().send(some_frame(input, contents.endpoints.front()));
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
