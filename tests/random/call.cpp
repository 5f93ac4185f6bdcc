#include "random/call.hpp"

#include <algorithm>

#include "algorithms/catalogue.hpp"
#include "base/datatypes.hpp"
#include "base/text.hpp"

namespace stretto::script {
namespace {

constexpr std::size_t kLargestBuffer = 1 << 20;
constexpr std::size_t kSlotBytes = 64 * 1024;
constexpr std::size_t kInlineBytes = 32;

constexpr const char* kKindNames[kKinds] = {
    "all_reduce", "all_gather",   "reduce_scatter",   "broadcast",    "reduce",  "gather",  "scatter",
    "all_to_all", "all_gather_v", "reduce_scatter_v", "all_to_all_v", "barrier", "messages"};
constexpr const char* kOpNames[kOps] = {"sum", "prod", "max", "min", "avg", "pre-multiplied sum"};

/// A few elements more or less than so many bytes.
std::size_t around(Random& random, std::size_t bytes, std::size_t element_bytes) {
  const std::size_t count = bytes / element_bytes;
  return count + random.below(std::size_t{5}) - std::min<std::size_t>(count, 2);
}

/// Half of them tiny, some where messages change their form, few large.
std::size_t random_count(Random& random, strettoDataType_t type, std::size_t largest_bytes) {
  const std::size_t element_bytes = data_type_bytes(type);
  std::size_t count = 0;
  switch (random.below(12)) {
    case 0:
      break;
    case 1:
      count = 1;
      break;
    case 2:
      count = around(random, kInlineBytes, element_bytes);
      break;
    case 3:
      count = around(random, kSlotBytes * (1 + random.below(std::size_t{4})), element_bytes);
      break;
    case 4:
      count = around(random, kSlotBytes / (1 + random.below(std::size_t{8})), element_bytes);
      break;
    case 5:
      count = random.below(largest_bytes / element_bytes + 1);
      break;
    case 6:
    case 7:
    case 8:
      count = 2 * random.below(std::size_t{60}) + 1;
      break;
    default:
      count = random.below(std::size_t{1} << (1 + random.below(15)));
  }
  return std::min(count, largest_bytes / element_bytes);
}

/// Around a ring, between random pairs, from each to each, or many from one to another.
std::vector<Message> random_messages(Random& random, int n, strettoDataType_t type) {
  std::vector<Message> messages;
  const std::size_t largest = kLargestBuffer / static_cast<std::size_t>(n);
  const auto add = [&](int from, int to) { messages.push_back({from, to, random_count(random, type, largest)}); };
  const int from = random.below(n);
  const int to = random.below(n);
  switch (random.below(4)) {
    case 0:
      for (int rank = 0; rank < n; ++rank) add(rank, (rank + 1) % n);
      break;
    case 1:
      for (int i = random.below(2 * n) + 1; i > 0; --i) add(random.below(n), random.below(n));
      break;
    case 2:
      for (int pair = 0; pair < n * n; ++pair) add(pair / n, pair % n);
      random.shuffle(messages);
      break;
    default:
      for (int i = random.below(12) + 1; i > 0; --i) random.one_in(3) ? add(to, from) : add(from, to);
  }
  return messages;
}

void choose_sizes(Call& call, Random& random) {
  const auto n = static_cast<std::size_t>(call.n);
  const auto unequal = [&](std::size_t blocks) {
    const std::size_t alone = random.one_in(4) ? random.below(blocks) : blocks;  // one block may be all there is
    for (std::size_t i = 0; i < blocks; ++i) {
      const bool empty = alone < blocks && i != alone;
      call.counts.push_back(empty ? 0 : random_count(random, call.type, kLargestBuffer / n));
    }
  };
  switch (call.kind) {
    case Kind::all_gather_v:
    case Kind::reduce_scatter_v:
      return unequal(n);
    case Kind::all_to_all_v:
      return unequal(n * n);
    case Kind::messages:
      call.messages = random_messages(random, call.n, call.type);
      return;
    case Kind::barrier:
      return;
    case Kind::all_reduce:
    case Kind::broadcast:
    case Kind::reduce:
      call.count = random_count(random, call.type, kLargestBuffer);
      return;
    default:
      call.count = random_count(random, call.type, kLargestBuffer / n);
  }
}

Values random_values(const Call& call, Random& random) {
  if (!reduces(call.kind)) return Values::bits;
  if (call.op == Op::max || call.op == Op::min) return Values::hard;
  if (!is_float(call.type)) return Values::bits;
  return call.op == Op::prod || random.one_in(2) ? Values::small : Values::rough;
}

std::string sizes_of(const Call& call) {
  std::string text;
  for (const std::size_t count : call.counts) text += format(" {}", count);
  for (const Message& each : call.messages) text += format(" {}->{}:{}", each.from, each.to, each.count);
  return text.empty() ? format("count={}", call.count) : "counts" + text;
}

}  // namespace

bool reduces(Kind kind) {
  return kind == Kind::all_reduce || kind == Kind::reduce || kind == Kind::reduce_scatter ||
         kind == Kind::reduce_scatter_v;
}

bool is_float(strettoDataType_t type) { return type >= strettoFloat16; }

const char* random_algorithm(Random& random) {
  const auto rows = catalogue();
  const std::size_t choice = random.below(rows.size() + 2);
  return choice < rows.size() ? rows[choice].name.data() : nullptr;
}

Call random_call(Random& random, int n) {
  Call call;
  call.seed = random.next();
  call.n = n;
  // All-reduces and messages are the commonest.
  constexpr int kMore = 4;
  const int kind = random.below(kKinds + kMore);
  call.kind = kind < kKinds ? static_cast<Kind>(kind) : kind % 2 == 0 ? Kind::all_reduce : Kind::messages;
  call.type = static_cast<strettoDataType_t>(random.below(static_cast<int>(strettoNumDataTypes)));
  call.op = static_cast<Op>(random.below(kOps));
  call.root = random.below(n);
  call.values = random_values(call, random);
  choose_sizes(call, random);
  return call;
}

Call similar_call(const Call& call, Random& random) {
  Call similar = call;
  similar.seed = random.next();
  similar.counts.clear();
  similar.messages.clear();
  choose_sizes(similar, random);
  return similar;
}

std::string to_string(const Call& call) {
  const char* const name = kKindNames[static_cast<std::size_t>(call.kind)];
  if (call.kind == Kind::barrier) return name;
  std::string text = format("{} of {}, {}", name, data_type_name(call.type), sizes_of(call));
  if (reduces(call.kind)) {
    text += format(", {} of {} values", kOpNames[static_cast<std::size_t>(call.op)],
                   call.values == Values::rough ? "rough" : "exact");
  }
  return text + format(", root={}", call.root);
}

}  // namespace stretto::script
