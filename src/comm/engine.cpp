#include "comm/engine.hpp"

#include "algorithms/catalogue.hpp"
#include "base/datatypes.hpp"
#include "base/log.hpp"
#include "comm/requests.hpp"

namespace stretto {
Engine::Engine(Membership membership)
    : membership_(std::move(membership)),
      executor_(membership_.rank),
      pairs_(membership_.rank, membership_.n_ranks, port_source(), membership_.link.slot_bytes),
      sent_(static_cast<std::size_t>(membership_.n_ranks), 0),
      received_(sent_) {}

const Binding& Engine::bind(const Request& request) {
  std::unique_ptr<Entry>& entry = cache_[entry_of(request)];
  if (!entry || entry->request != request) entry = make_entry(request);
  return entry->binding;
}

std::unique_ptr<Engine::Entry> Engine::make_entry(const Request& request) {
  const CollectiveRow& row = row_of(row_of(request.collective).planned_as);
  check_size(request, row, n_ranks());
  const std::size_t block_bytes = request.count * data_type_bytes(request.type);

  // A forced algorithm counts wherever it can serve.
  const AlgorithmRow* forced = find_algorithm(settings().algorithm);
  const bool can_serve =
      forced != nullptr && forced->supports(row.collective) &&
      fits(*forced, {row.collective, forced->name, n_ranks(), request.root, 1, membership_.link.groups},
           membership_.max_channels, membership_.link);
  const PlanChoice choice = choose_plan(row.collective, block_bytes, n_ranks(), request.root, membership_.max_channels,
                                        membership_.link, can_serve ? forced->name : std::string_view());
  PreparedPlan& prepared = plan_for(choice.spec);
  log(LogLevel::debug, "event=plan comm={} rank={} {}", settings().name, rank(), to_string(choice));

  return std::make_unique<Entry>(Entry{request, bind_request(request, prepared, membership_.link.slot_bytes)});
}

PreparedPlan& Engine::plan_for(const PlanSpec& spec) {
  std::unique_ptr<PreparedPlan>& found =
      plans_[{spec.collective, std::string(spec.algorithm), spec.root, spec.channels}];
  if (!found) found = std::make_unique<PreparedPlan>(prepare(make_plan(spec, rank()), port_source()));
  return *found;
}

PortSource Engine::port_source() {
  const auto transport_to = [this](Rank peer) { return membership_.transport_to.at(static_cast<std::size_t>(peer)); };
  return {[=](Rank peer, int channel) -> SendPort& { return transport_to(peer)->send_port(peer, channel); },
          [=](Rank peer, int channel) -> ReceivePort& { return transport_to(peer)->receive_port(peer, channel); }};
}

void Engine::replace_program(const PlanSpec& spec, Program program) {
  Plan plan = make_plan(spec, rank());
  plan.program = std::move(program);
  plan_for(spec) = prepare(std::move(plan), port_source());
}

void Engine::start(std::span<const Operation> operations, std::uint64_t* riding) {
  const Operation& first = operations.front();
  if (is_pair_call(first.request.collective)) return start_pairs(operations, riding);
  STRETTO_ASSERT(operations.size() == 1);
  if (first.request.collective == Collective::all_to_all_v) return start_all_to_all_v(first);
  start(first.details ? bind_details(first) : bind(first.request), first.input, first.output);
}

void Engine::start(const Binding& binding, const void* input, void* output) {
  between_pairs_ = false;
  tag_ = binding.tag;
  executor_.start(binding, operations_, input, output);
  ++operations_;
}

Progress Engine::poll() {
  const Progress progress = between_pairs_ ? pairs_.poll() : executor_.poll();
  if (progress == Progress::running) {
    for (const auto& transport : membership_.transports) {
      if (transport) transport->progress();
    }
  }
  return progress;
}

void Engine::give_up() {
  executor_.give_up();
  pairs_.give_up();
}

void Engine::set_step_log(StepLog* log) {
  executor_.set_log(log);
  pairs_.set_log(log);
}

}  // namespace stretto
