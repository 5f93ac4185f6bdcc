#include "comm/starting.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/system.hpp"
#include "base/text.hpp"
#include "comm/rendezvous_task.hpp"

namespace stretto {
namespace {

constexpr std::uint32_t kMagic = 0x54525453;  // "STRT" in memory; changes with the card

/// What a rank says of itself. It travels as bytes between processes of one architecture, by the application.
struct Card {
  std::uint32_t magic = kMagic;
  std::int32_t version = STRETTO_VERSION;
  std::int32_t n_ranks = 0;
  std::int32_t rank = -1;
  std::int32_t code = strettoSuccess;  ///< else: why this rank cannot take part
  char field[32] = {};
  char text[332] = {};
  strettoUniqueId id{};  ///< rank 0's
};
static_assert(sizeof(Card) == 512);  // no padding: every byte is somebody's

void fill(std::span<char> to, const std::string& from) {
  const std::size_t length = std::min(from.size(), to.size() - 1);
  std::memcpy(to.data(), from.data(), length);
}

std::string text_of(std::span<const char> bytes) {
  return std::string(bytes.begin(), std::find(bytes.begin(), bytes.end(), '\0'));
}

void refuse(Card& card, const ErrorInfo& why) {
  card.code = why.code;
  fill(card.field, why.field);
  fill(card.text, why.text);
}

/// Rank 0's listener, which ends if the exchange fails.
class Listener {
 public:
  Listener() = default;
  ~Listener() {
    if (id_) end_rendezvous(*id_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Fills the card of rank 0: with the id, or with why there is none.
  void listen(Card& card, const Environment& environment) {
    try {
      card.id = listen_for_ranks(environment);
      id_ = card.id;
    } catch (const Error& error) {
      error_ = error.info();
      refuse(card, *error_);
    }
  }
  const std::optional<ErrorInfo>& error() const { return error_; }
  void keep() { id_.reset(); }

 private:
  std::optional<strettoUniqueId> id_;
  std::optional<ErrorInfo> error_;
};

[[noreturn]] void fail(const Starter& starter, strettoResult_t code, Rank peer, std::string field, std::string text) {
  ErrorInfo info;
  info.code = code;
  info.rank = starter.rank;
  info.peer = peer;
  info.field = std::move(field);
  info.name = "starting";
  info.text = std::move(text);
  throw Error(info);
}

/// This rank's card; where this rank is rank 0, its listener's id or trouble is in it.
Card card_of(const Starter& starter, const Environment& environment, Listener& listener) {
  Card card;
  card.n_ranks = starter.n_ranks;
  card.rank = starter.rank;
  if (starter.refusal) {
    refuse(card, *starter.refusal);
  } else if (starter.rank == 0) {
    listener.listen(card, environment);
  }
  return card;
}

void throw_own_trouble(const Starter& starter, const Listener& listener) {
  if (starter.refusal) throw Error(*starter.refusal);
  if (listener.error()) throw Error(*listener.error());
}

void check_form(const Starter& starter, const Card& card, Rank place, const char* channel) {
  if (card.magic != kMagic) {
    fail(starter, strettoInvalidUsage, place, channel,
         format("rank {}: what came from rank {} by the {} is not what a rank of stretto gives: bytes are missing or "
                "misplaced, or that rank runs another version",
                starter.rank, place, channel));
  }
  if (card.version != STRETTO_VERSION) {
    fail(starter, strettoInvalidUsage, place, "version",
         format("rank {} runs version {} of stretto, rank {} version {}: install the same version everywhere", place,
                card.version, starter.rank, STRETTO_VERSION));
  }
}

void check_success(const Starter& starter, const Card& card, Rank place) {
  if (card.code == strettoSuccess) return;
  fail(starter, strettoRemoteError, place, text_of(card.field),
       format("rank {} cannot start the communicator: {}", place, text_of(card.text)));
}

void check_agreement(const Starter& starter, const Card& card, Rank place) {
  if (card.n_ranks != starter.n_ranks) {
    fail(starter, strettoInvalidUsage, place, "nranks",
         format("rank {} was started as one of {} ranks, rank {} as one of {}: give every rank the same number", place,
                card.n_ranks, starter.rank, starter.n_ranks));
  }
  if (card.rank != place) {
    fail(starter, strettoInvalidUsage, place, "rank",
         format("the all-gather gave rank {}, in place {}, the word of one that calls itself rank {}: give every "
                "process the rank that it has in the all-gather",
                starter.rank, place, card.rank));
  }
}

strettoUniqueId id_of_one(const Starter& starter, const Environment& environment) {
  if (starter.refusal) throw Error(*starter.refusal);
  return listen_for_ranks(environment);
}

std::string key_in_store(const std::string& name) { return format("stretto/{}/id", name); }

void put_card(const Starter& starter, const KeyValueStore& store, const std::string& key, const Card& card) {
  const int code = store.put(key.c_str(), &card, sizeof card);
  if (code == 0) return;
  fail(
      starter, strettoSystemError, -1, "put",
      format("rank 0: the store's put of key {} returned {} (0 is success): see what the store says of it", key, code));
}

Card get_card(const Starter& starter, const KeyValueStore& store, const std::string& key, std::int64_t timeout_ns) {
  const int timeout_ms = static_cast<int>(std::clamp<std::int64_t>(timeout_ns / 1'000'000, 1, 86'400'000));
  Card card;
  card.magic = 0;
  const int code = store.get(key.c_str(), &card, sizeof card, timeout_ms);
  if (code == STRETTO_STORE_TIMEOUT) {
    fail(starter, strettoTimeout, 0, "get",
         format("rank {}: rank 0 has not put key {} into the store within {} ms: it is not there, or gave this "
                "communicator another name",
                starter.rank, key, timeout_ms));
  }
  if (code != 0) {
    fail(starter, strettoSystemError, -1, "get",
         format("rank {}: the store's get of key {} returned {} (0 is success, {} a timeout): see what the store says "
                "of it",
                starter.rank, key, code, STRETTO_STORE_TIMEOUT));
  }
  return card;
}

}  // namespace

strettoUniqueId listen_for_ranks(const Environment& environment) {
  const std::string& wish = environment.text(Knob::bootstrap_address);
  if (wish.empty()) return start_local_rendezvous();
  const std::optional<Endpoint> endpoint = parse_endpoint(wish);
  if (endpoint) return start_rendezvous(*endpoint);
  ErrorInfo info;
  info.code = strettoInvalidArgument;
  info.field = "STRETTO_BOOTSTRAP_ADDRESS";
  info.name = "environment";
  info.text = format("STRETTO_BOOTSTRAP_ADDRESS={}: not an address like 127.0.0.1, 10.0.0.1:4000 or [::1]:4000", wish);
  throw Error(info);
}

strettoUniqueId exchange_id(const Starter& starter, const Environment& environment, const AllGather& all_gather) {
  if (starter.n_ranks == 1) return id_of_one(starter, environment);
  Listener listener;
  const Card mine = card_of(starter, environment, listener);
  // Zeros, which no card is: blocks that are not written are noticed.
  std::vector<std::byte> bytes(sizeof(Card) * static_cast<std::size_t>(starter.n_ranks));
  if (const int code = all_gather(&mine, bytes.data(), sizeof mine); code != 0) {
    throw_own_trouble(starter, listener);
    fail(starter, strettoSystemError, -1, "all_gather",
         format("rank {}: the application's all-gather returned {} (0 is success): see what it says of it",
                starter.rank, code));
  }
  throw_own_trouble(starter, listener);
  std::vector<Card> cards(static_cast<std::size_t>(starter.n_ranks));
  std::memcpy(cards.data(), bytes.data(), bytes.size());
  for (Rank place = 0; place < starter.n_ranks; ++place) {
    const Card& card = cards[static_cast<std::size_t>(place)];
    check_form(starter, card, place, "all_gather");
    check_success(starter, card, place);
    check_agreement(starter, card, place);
  }
  listener.keep();
  return cards.front().id;
}

strettoUniqueId exchange_id(const Starter& starter, const Environment& environment, const KeyValueStore& store,
                            const std::string& name, std::int64_t timeout_ns) {
  if (starter.n_ranks == 1) return id_of_one(starter, environment);
  const std::string key = key_in_store(name);
  if (starter.rank != 0) {
    if (starter.refusal) throw Error(*starter.refusal);
    const Card card = get_card(starter, store, key, timeout_ns);
    check_form(starter, card, 0, "get");
    check_success(starter, card, 0);
    return card.id;
  }
  Listener listener;
  const Card card = card_of(starter, environment, listener);
  put_card(starter, store, key, card);
  throw_own_trouble(starter, listener);
  listener.keep();
  return card.id;
}

}  // namespace stretto
