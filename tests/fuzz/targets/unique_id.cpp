// Unique ids of any bytes: read, and used to join. What is not an id is refused by its field; what is read is the same
// when written again; and whoever joins by a made-up id ends in an Error.
#include "bootstrap/unique_id.hpp"

#include <sodium.h>

#include <cstring>

#include "bootstrap/bootstrap.hpp"
#include "fuzz.hpp"

namespace stretto::fuzz {
namespace {

constexpr std::size_t kSummedBytes = STRETTO_UNIQUE_ID_BYTES - 8;

Endpoint some_endpoint(Input& input) {
  Endpoint endpoint;
  endpoint.ipv6 = input.ConsumeBool();
  for (std::size_t i = 0; i < (endpoint.ipv6 ? 16U : 4U); ++i)
    endpoint.address[i] = input.ConsumeIntegral<std::uint8_t>();
  endpoint.scope = endpoint.ipv6 ? input.ConsumeIntegral<std::uint32_t>() : 0;
  endpoint.port = input.ConsumeIntegral<std::uint16_t>();
  return endpoint;
}

strettoUniqueId made_id(Input& input) {
  IdContents contents;
  contents.key.fill(some_byte(input));
  contents.endpoints.push_back(some_endpoint(input));
  if (input.ConsumeBool()) contents.endpoints.push_back(some_endpoint(input));
  const strettoUniqueId id = encode_id(contents);
  const IdContents again = decode_id(id);
  STRETTO_ASSERT(again.key == contents.key && again.endpoints == contents.endpoints);
  return id;
}

strettoUniqueId any_id(Input& input) {
  strettoUniqueId id{};
  if (input.ConsumeBool()) {
    id = made_id(input);
  } else {
    const auto bytes = some_bytes(input, sizeof(id.internal));
    if (!bytes.empty()) std::memcpy(id.internal, bytes.data(), bytes.size());
  }
  for (int left = input.ConsumeIntegralInRange(0, 4); left > 0; --left) {
    id.internal[input.ConsumeIntegralInRange<std::size_t>(0, sizeof(id.internal) - 1)] = input.ConsumeIntegral<char>();
  }
  if (input.ConsumeBool()) {  // as one who knows how sums are made would
    unsigned char sum[16];
    crypto_generichash(sum, sizeof(sum), reinterpret_cast<const unsigned char*>(id.internal), kSummedBytes, nullptr, 0);
    std::memcpy(id.internal + kSummedBytes, sum, 8);
  }
  return id;
}

void read(const strettoUniqueId& id) {
  const IdContents contents = decode_id(id);
  STRETTO_ASSERT(!contents.endpoints.empty() && contents.endpoints.size() <= unique_id_endpoints_max);
  STRETTO_ASSERT(key_of(id) == contents.key);
  STRETTO_ASSERT(decode_id(encode_id(contents)).endpoints == contents.endpoints);
  for (const Endpoint& endpoint : contents.endpoints) {
    const auto again = parse_endpoint(to_string(endpoint));
    STRETTO_ASSERT(again && to_string(*again) == to_string(endpoint));
  }
}

/// Joins, in a world where somebody may listen at the id's address and say anything.
void join(Input& input, const strettoUniqueId& id) {
  sim::SimWorld world(1, calm(input));
  System& system = world.system(world.add_process(0));
  System& other = world.system(world.add_process(1));
  Endpoint address = decode_id(id).endpoints.front();
  const Handle listener = input.ConsumeBool() ? other.listen_tcp(address) : Handle();
  BootstrapConfig config;
  config.rank = some_rank(input);
  config.n_ranks = some_rank(input);
  config.deadline_ns = system.now_ns() + second_ns;
  const std::unique_ptr<Bootstrap> bootstrap = make_bootstrap(system, id, config);
  std::vector<Handle> sockets;
  for (int i = 0; i < 10; ++i) {
    if (bootstrap->poll()) return;
    if (listener) sockets.push_back(other.accept(listener.id()));
    const auto said = some_bytes(input, 60);
    if (!said.empty() && !sockets.empty() && sockets.back()) other.send(sockets.back().id(), said);
    world.advance_to(world.now_ns() + second_ns / 8);
  }
  bootstrap->poll();
  STRETTO_ASSERT(!"set-up goes on after its deadline");
}

}  // namespace
}  // namespace stretto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stretto::require_crypto();
  stretto::fuzz::Input input(data, size);
  const strettoUniqueId id = stretto::fuzz::any_id(input);
  try {
    stretto::fuzz::read(id);
  } catch (const stretto::Error& error) {
    STRETTO_ASSERT(error.info().code == strettoInvalidArgument && error.info().field == "id");
    return 0;
  }
  try {
    stretto::fuzz::join(input, id);
  } catch (const stretto::Error& error) {
    STRETTO_ASSERT(error.info().code != strettoInternalError && !error.info().text.empty());
  }
  return 0;
}
