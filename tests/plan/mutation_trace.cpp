#include "plan/mutation_trace.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace stretto::mutation {
namespace {

// Places: {kind, ...}: input and output {kUser, operation, rank, channel, round, chunk} (input out of place is kInput),
// scratch {kScratch, rank, chunk}, slots {kSlot, source, destination, channel, number, part}.
enum : int { kUser, kInput, kScratch, kSlot };

struct Touch {
  Place place{};
  bool writes = false;
};

struct Event {
  EventName name;
  const Step* step = nullptr;
  std::vector<int> after;
  std::vector<Touch> touches;
};

using Link = std::tuple<Rank, Rank, int>;

struct Part {
  std::optional<Place> source;  ///< of a put from user memory
  std::optional<Place> landing;
  Place home{};  ///< where the bytes are
};

struct Message {
  int operation = -1;
  int credit = -1, signal = -1, wait = -1, release = -1;  ///< events
  std::map<int, Part> parts;
  bool lands = false;  ///< any of them
};

struct Queue {
  std::vector<Message> messages;
  int credits = 0, signals = 0, waits = 0, releases = 0;

  Message& at(int number) {
    if (messages.size() <= static_cast<std::size_t>(number)) messages.resize(static_cast<std::size_t>(number) + 1);
    return messages[static_cast<std::size_t>(number)];
  }
};

class Builder {
 public:
  Builder(std::span<const CheckedOperation> operations, const Names& names, const CheckConfig& config)
      : operations_(operations), names_(names), config_(config) {}

  std::optional<NormalForm> build();

 private:
  void add_rank(Rank rank);
  void add_strand(const Strand& strand, const StrandNames& names, int begin);
  void add_step(const Step& step, const StepName& name, int round);
  void synchronise(int event, const Step& step);
  void settle_messages();
  void settle_home(const Link& link, int number, Message& message, int part);
  void add_touches();
  void add_touches_of(int event);
  void add_user_turns();
  bool order();
  bool precedes(int earlier, int later) const {
    return (ancestors_[static_cast<std::size_t>(later)][static_cast<std::size_t>(earlier) / 64] >> (earlier % 64)) & 1;
  }
  bool in_place(int operation, Rank rank) const {
    const std::vector<bool>& places = operations_[static_cast<std::size_t>(operation)].in_place;
    return !places.empty() && places[static_cast<std::size_t>(rank)];
  }
  Place place_of(const Ref& ref, const EventName& name) const;
  Event& event(int id) { return events_[static_cast<std::size_t>(id)]; }
  int channel_of(const EventName& name) const {
    const CheckedOperation& operation = operations_[static_cast<std::size_t>(name.operation)];
    const Program& program = (*operation.programs)[static_cast<std::size_t>(name.rank)];
    return program.strands[static_cast<std::size_t>(name.strand)].channel;
  }

  std::span<const CheckedOperation> operations_;
  const Names& names_;
  const CheckConfig& config_;
  std::vector<Event> events_;
  std::map<Link, Queue> queues_;
  std::map<std::pair<int, Rank>, std::pair<int, int>> turns_;  ///< events before and after an operation of a rank
  std::map<std::pair<int, Rank>, int> sending_, receiving_;    ///< {event, peer}: number of the current message
  std::vector<std::tuple<int, Link, int>> drains_;             ///< event, connection, messages to be released
  EventName now_;
  int previous_ = -1;
  std::vector<int> sorted_;
  std::vector<std::vector<std::uint64_t>> ancestors_;
};

Place Builder::place_of(const Ref& ref, const EventName& name) const {
  if (ref.space == Space::scratch) return {kScratch, name.rank, ref.index};
  const bool own_input = ref.space == Space::input && !in_place(name.operation, name.rank);
  return {own_input ? kInput : kUser, name.operation, name.rank, channel_of(name), name.round, ref.index};
}

void Builder::synchronise(int id, const Step& step) {
  const Rank rank = now_.rank;
  const bool receives = step.kind == StepKind::wait || step.kind == StepKind::release;
  const Link link{receives ? step.peer : rank, receives ? rank : step.peer, channel_of(now_)};
  Queue& queue = queues_[link];
  if (step.kind == StepKind::wait_drain) drains_.emplace_back(id, link, queue.signals);
  if (step.kind == StepKind::wait_credit) {
    Message& message = queue.at(queue.credits++);
    message.credit = id;
    message.operation = now_.operation;
  }
  if (step.kind == StepKind::signal) queue.at(queue.signals++).signal = id;
  if (step.kind == StepKind::wait) queue.at(queue.waits++).wait = id;
  if (step.kind == StepKind::release) queue.at(queue.releases++).release = id;
}

void Builder::add_step(const Step& step, const StepName& name, int round) {
  const int id = static_cast<int>(events_.size());
  now_.round = round;
  now_.step = name;
  events_.push_back({now_, &step, {previous_}, {}});
  previous_ = id;
  if (step.peer >= 0) {
    synchronise(id, step);
    return;
  }
  const int channel = channel_of(now_);
  for (const Ref& source : step.sources) {
    if (source.space != Space::slot) continue;
    Queue& queue = queues_[{source.index, now_.rank, channel}];
    receiving_[{id, source.index}] = queue.waits - 1;
    std::optional<Place>& landing = queue.at(queue.waits - 1).parts[source.part].landing;
    if (step.kind == StepKind::get && step.destination.space == Space::output && !landing) {
      landing = place_of(step.destination, now_);
    }
  }
  if (step.destination.space != Space::slot) return;
  Queue& queue = queues_[{now_.rank, step.destination.index, channel}];
  sending_[{id, step.destination.index}] = queue.credits - 1;
  Part& part = queue.at(queue.credits - 1).parts[step.destination.part];
  const Space from = step.sources.front().space;
  if (step.kind == StepKind::put && (from == Space::input || from == Space::output)) {
    part.source = place_of(step.sources.front(), now_);
  }
}

void Builder::add_strand(const Strand& strand, const StrandNames& names, int begin) {
  previous_ = begin;
  const int rounds = operations_[static_cast<std::size_t>(now_.operation)].rounds;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < strand.body.size(); ++i) add_step(strand.body[i], names.body[i], round);
  }
  for (std::size_t i = 0; i < strand.epilogue.size(); ++i) add_step(strand.epilogue[i], names.epilogue[i], rounds);
}

void Builder::add_rank(Rank rank) {
  int ended = -1;
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    const Program& program = (*operations_[i].programs)[static_cast<std::size_t>(rank)];
    const int operation = static_cast<int>(i);
    const int begin = static_cast<int>(events_.size());
    events_.push_back({{operation, rank, -1, 0, {}}, nullptr, {}, {}});
    if (ended >= 0) event(begin).after.push_back(ended);
    std::vector<int> lasts = {begin};
    for (std::size_t strand = 0; strand < program.strands.size(); ++strand) {
      now_ = {operation, rank, static_cast<int>(strand), 0, {}};
      add_strand(program.strands[strand], names_[static_cast<std::size_t>(rank)][strand], begin);
      lasts.push_back(previous_);
    }
    ended = static_cast<int>(events_.size());
    events_.push_back({{operation, rank, -1, 1, {}}, nullptr, lasts, {}});
    turns_[{operation, rank}] = {begin, ended};
  }
}

void Builder::settle_home(const Link& link, int number, Message& message, int number_of_part) {
  Part& part = message.parts[number_of_part];
  const Alias alias = config_.alias;
  const bool landing_first = alias == Alias::receiver || alias == Alias::receiver_first;
  const bool sender = part.source && (alias == Alias::sender || alias == Alias::sender_first ||
                                      (alias == Alias::receiver_first && !part.landing));
  const bool lands = part.landing && !sender && (landing_first || alias == Alias::sender_first);
  message.lands = message.lands || lands;
  const auto [source, destination, channel] = link;
  part.home = sender  ? *part.source
              : lands ? *part.landing
                      : Place{kSlot, source, destination, channel, number % config_.slots, number_of_part};
}

void Builder::settle_messages() {
  for (auto& [link, queue] : queues_) {
    for (std::size_t i = 0; i < queue.messages.size(); ++i) {
      Message& message = queue.messages[i];
      for (const auto& each : message.parts) settle_home(link, static_cast<int>(i), message, each.first);
      event(message.wait).after.push_back(message.signal);
      const std::size_t slots = static_cast<std::size_t>(config_.slots);
      if (i >= slots) event(message.credit).after.push_back(queue.messages[i - slots].release);
      if (message.lands) {
        event(message.credit).after.push_back(turns_[{message.operation, std::get<1>(link)}].first);
      }
    }
  }
  for (const auto& [id, link, count] : drains_) {
    if (count > 0) event(id).after.push_back(queues_[link].messages[static_cast<std::size_t>(count) - 1].release);
  }
}

void Builder::add_touches_of(int id) {
  Event& mover = event(id);
  const Step& step = *mover.step;
  const int channel = channel_of(mover.name);
  Place target = place_of(step.destination, mover.name);
  if (step.destination.space == Space::slot) {
    Message& message =
        queues_[{mover.name.rank, step.destination.index, channel}].at(sending_[{id, step.destination.index}]);
    const Part& part = message.parts[step.destination.part];
    if (part.source && part.home == *part.source) return;  // alias of the sender's memory: nothing moves
    target = part.home;
  }
  std::vector<Place> from;
  for (const Ref& source : step.sources) {
    if (source.space == Space::slot) {
      Queue& queue = queues_[{source.index, mover.name.rank, channel}];
      from.push_back(queue.at(receiving_[{id, source.index}]).parts[source.part].home);
    } else {
      from.push_back(place_of(source, mover.name));
    }
  }
  // A get of what landed there already, or a copy in place: a move onto itself moves nothing.
  if (step.kind != StepKind::reduce && from.front() == target) return;
  for (const Place& place : from) mover.touches.push_back({place, false});
  mover.touches.push_back({target, true});
}

/// Only for places that some step touches: for the others the turns of the user are the whole story in any plan.
void Builder::add_user_turns() {
  std::set<Place> touched;
  for (const Event& each : events_) {
    for (const Touch& touch : each.touches) {
      if (touch.place[0] == kUser || touch.place[0] == kInput) touched.insert(touch.place);
    }
  }
  for (const Place& place : touched) {
    const auto [begin, end] = turns_[{place[1], place[2]}];
    event(begin).touches.push_back({place, true});
    event(end).touches.push_back({place, true});
  }
}

void Builder::add_touches() {
  for (std::size_t id = 0; id < events_.size(); ++id) {
    if (events_[id].step != nullptr && events_[id].step->peer < 0) add_touches_of(static_cast<int>(id));
  }
  add_user_turns();
}

/// Sorts the events and finds all ancestors of each. False if there is a cycle.
bool Builder::order() {
  const std::size_t n = events_.size();
  std::vector<std::vector<int>> followers(n);
  std::vector<std::size_t> missing(n);
  for (std::size_t id = 0; id < n; ++id) {
    missing[id] = events_[id].after.size();
    for (const int earlier : events_[id].after)
      followers[static_cast<std::size_t>(earlier)].push_back(static_cast<int>(id));
  }
  for (std::size_t id = 0; id < n; ++id) {
    if (missing[id] == 0) sorted_.push_back(static_cast<int>(id));
  }
  ancestors_.assign(n, std::vector<std::uint64_t>((n + 63) / 64, 0));
  for (std::size_t i = 0; i < sorted_.size(); ++i) {
    const auto id = static_cast<std::size_t>(sorted_[i]);
    for (const int follower : followers[id]) {
      std::vector<std::uint64_t>& known = ancestors_[static_cast<std::size_t>(follower)];
      for (std::size_t word = 0; word < known.size(); ++word) known[word] |= ancestors_[id][word];
      known[id / 64] |= std::uint64_t{1} << (id % 64);
      if (--missing[static_cast<std::size_t>(follower)] == 0) sorted_.push_back(follower);
    }
  }
  return sorted_.size() == n;
}

std::optional<NormalForm> Builder::build() {
  for (Rank rank = 0; rank < operations_.front().spec.n_ranks; ++rank) add_rank(rank);
  settle_messages();
  add_touches();
  if (!order()) return std::nullopt;
  std::map<Place, std::vector<std::pair<int, bool>>>
      touches;  // in an order that the events allow; reads of an event first
  for (const int id : sorted_) {
    for (const Touch& touch : event(id).touches) {
      std::vector<std::pair<int, bool>>& there = touches[touch.place];
      for (const auto& [earlier, wrote] : there) {
        if (earlier != id && (wrote || touch.writes) && !precedes(earlier, id)) return std::nullopt;
      }
      there.emplace_back(id, touch.writes);
    }
  }
  NormalForm form;
  for (const auto& [place, there] : touches) {
    std::vector<Epoch>& epochs = form[place];
    for (const auto& [id, writes] : there) {
      if (writes)
        epochs.push_back({event(id).name, {}});
      else if (epochs.empty())
        return std::nullopt;  // reads what was never written
      else
        epochs.back().readers.insert(event(id).name);
    }
  }
  return form;
}

}  // namespace

Names names_of(const std::vector<Program>& programs) {
  Names names;
  for (const Program& program : programs) {
    std::vector<StrandNames>& of_rank = names.emplace_back();
    for (const Strand& strand : program.strands) {
      StrandNames& made = of_rank.emplace_back();
      for (std::size_t i = 0; i < strand.body.size(); ++i) made.body.push_back({static_cast<int>(i), false});
      for (std::size_t i = 0; i < strand.epilogue.size(); ++i) {
        made.epilogue.push_back({kEpilogue + static_cast<int>(i), false});
      }
    }
  }
  return names;
}

std::optional<NormalForm> normal_form(std::span<const CheckedOperation> operations, const Names& names,
                                      const CheckConfig& config) {
  return Builder(operations, names, config).build();
}

bool remove_repetitions(NormalForm& form) {
  for (auto& [place, epochs] : form) {
    for (std::size_t i = 0; i < epochs.size(); ++i) {
      // A second run reads what the first run read: the first is among the readers of the same write.
      std::set<EventName>& readers = epochs[i].readers;
      for (auto reader = readers.begin(); reader != readers.end();) {
        EventName first = *reader;
        first.step.again = false;
        if (reader->step.again && readers.count(first) == 0) return false;
        reader = reader->step.again ? readers.erase(reader) : std::next(reader);
      }
      // It writes what the first run wrote last.
      if (!epochs[i].writer.step.again) continue;
      EventName first = epochs[i].writer;
      first.step.again = false;
      if (i == 0 || epochs[i - 1].writer != first) return false;
      epochs[i - 1].readers.insert(readers.begin(), readers.end());
      epochs.erase(epochs.begin() + static_cast<std::ptrdiff_t>(i));
      --i;
    }
  }
  return true;
}

}  // namespace stretto::mutation
