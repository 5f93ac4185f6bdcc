#include "comm/split.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/text.hpp"
#include "comm/rendezvous_task.hpp"
#include "comm/starting.hpp"

namespace stretto {
namespace {

/// What a rank says in a gather; it travels as bytes between processes of one architecture.
struct SplitCard {
  std::int32_t color = -1;
  std::int32_t key = 0;
  std::int32_t code = strettoSuccess;  ///< else: why this rank cannot take part
  char field[32] = {};
  char text[340] = {};
  strettoUniqueId id{};  ///< in the second gather: the group's, from its first rank
};
static_assert(sizeof(SplitCard) == 512 && std::is_trivially_copyable_v<SplitCard>);  // no padding

void fill(std::span<char> to, const std::string& from) {
  std::memcpy(to.data(), from.data(), std::min(from.size(), to.size() - 1));
}

std::string text_of(std::span<const char> bytes) {
  return std::string(bytes.begin(), std::find(bytes.begin(), bytes.end(), '\0'));
}

void refuse(SplitCard& card, const ErrorInfo& why) {
  card.code = why.code;
  fill(card.field, why.field);
  fill(card.text, why.text);
}

/// One gather, and its verdict: the same on all ranks.
class Round {
 public:
  Round(Participant& parent, SplitCard mine, const std::optional<ErrorInfo>& refusal) : parent_(parent) {
    if (refusal) refuse(mine, *refusal);
    cards.resize(static_cast<std::size_t>(parent.n_ranks()));
    if (parent.on_device()) {
      gather_beside(mine);
    } else {
      gather_in_turn(mine);
    }
    if (refusal) throw Error(*refusal);
    throw_refusal_of_others();
  }

  std::vector<SplitCard> cards;  ///< by rank of the parent

 private:
  /// As an operation of the parent.
  void gather_in_turn(const SplitCard& mine) {
    const Request request{Collective::all_gather, sizeof mine, strettoUint8, strettoSum, -1};
    const ErrorInfo* const error = parent_.communicator().run({request, &mine, cards.data()});
    if (error != nullptr) throw Error(*error);
  }

  /// Device memory and streams are the caller's, and this rank's words are the host's.
  void gather_beside(const SplitCard& mine) {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(&mine, 1));
    const auto gathered = parent_.gather({bytes.begin(), bytes.end()}, "split");
    for (std::size_t rank = 0; rank < gathered.size(); ++rank) {
      if (gathered[rank].size() != sizeof(SplitCard)) {
        throw Error(strettoRemoteError, format("rank {} sent what this rank does not understand", rank));
      }
      std::memcpy(&cards[rank], gathered[rank].data(), sizeof(SplitCard));
    }
  }

  void throw_refusal_of_others() const {
    const auto bad = std::ranges::find_if(cards, [](const SplitCard& card) { return card.code != strettoSuccess; });
    if (bad == cards.end()) return;
    ErrorInfo info;
    info.code = strettoRemoteError;
    info.rank = parent_.rank();
    info.peer = static_cast<Rank>(bad - cards.begin());
    info.host = parent_.lifecycle().topology().identity(info.peer).host_name;
    info.field = text_of(bad->field);
    info.name = "split";
    info.text = format("rank {}: split: rank {} on host {} cannot take part: {}", info.rank, info.peer, info.host,
                       text_of(bad->text));
    throw Error(info);
  }

  Participant& parent_;
};

/// The listener of a group's first rank, which ends unless its set-up begins.
class GroupListener {
 public:
  GroupListener() = default;
  ~GroupListener() {
    if (id_) end_rendezvous(*id_);
  }
  GroupListener(const GroupListener&) = delete;
  GroupListener& operator=(const GroupListener&) = delete;

  const strettoUniqueId& listen(const Environment& environment) { return id_.emplace(listen_for_ranks(environment)); }
  void keep() { id_.reset(); }

 private:
  std::optional<strettoUniqueId> id_;
};

/// Ranks of the parent in the order of their group.
std::vector<Rank> group_of(int color, const std::vector<SplitCard>& cards) {
  std::vector<Rank> group;
  for (std::size_t rank = 0; rank < cards.size(); ++rank) {
    if (cards[rank].color == color) group.push_back(static_cast<Rank>(rank));
  }
  std::ranges::stable_sort(group, {}, [&](Rank rank) { return cards[static_cast<std::size_t>(rank)].key; });
  return group;
}

}  // namespace

Settings inherited_settings(Participant& parent) {
  Settings settings = parent.lifecycle().agreed_settings();
  settings.shm_slot_bytes = parent.settings().shm_slot_bytes;  // the default follows from the number of ranks
  return settings;
}

std::unique_ptr<Participant> split(Participant& parent, const SplitWish& wish, const Environment& environment) {
  SplitCard mine;
  mine.color = std::max(wish.color, -1);
  mine.key = wish.key;
  const std::vector<SplitCard> wishes = Round(parent, mine, wish.refusal).cards;
  if (std::ranges::all_of(wishes, [](const SplitCard& card) { return card.color < 0; })) return nullptr;

  const std::vector<Rank> group = wish.color < 0 ? std::vector<Rank>() : group_of(wish.color, wishes);
  GroupListener listener;
  std::optional<ErrorInfo> trouble;
  if (!group.empty() && group.front() == parent.rank()) {
    try {
      mine.id = listener.listen(environment);
    } catch (const Error& error) {
      trouble = error.info();
    }
  }
  const std::vector<SplitCard> met = Round(parent, mine, trouble).cards;
  if (group.empty()) return nullptr;
  const auto place = std::ranges::find(group, parent.rank()) - group.begin();
  auto participant = Participant::begin(met[static_cast<std::size_t>(group.front())].id, static_cast<int>(group.size()),
                                        static_cast<Rank>(place), wish.settings);
  // Who is aborted before any rank has come would leave it listening.
  if (place == 0) participant->hold({nullptr, [id = mine.id](void*) { end_unused_rendezvous(id); }});
  listener.keep();
  return participant;
}

}  // namespace stretto
