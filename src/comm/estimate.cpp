#include "comm/estimate.hpp"

#include <algorithm>
#include <map>

#include "algorithms/catalogue.hpp"
#include "base/datatypes.hpp"
#include "plan/saturating.hpp"

namespace stretto {
namespace {

/// What of a communicator has been added up so far.
struct Account {
  Saturating collectives;
  Saturating sent;
  Saturating received;
  Picoseconds whole() const { return (collectives + std::max(sent, received)).value(); }
};

Saturating message(std::size_t elements, strettoDataType_t type, const LinkModel& link) {
  return link.message + Saturating(elements) * data_type_bytes(type) * link.byte_copied;
}

std::string_view forced_for(const Settings& settings, const Request& request, int n_ranks, int max_channels,
                            const LinkModel& link) {
  const AlgorithmRow* const forced = find_algorithm(settings.algorithm);
  if (forced == nullptr || !forced->supports(request.collective)) return {};
  const PlanSpec spec{request.collective, forced->name, n_ranks, request.root, 1, link.groups};
  return fits(*forced, spec, max_channels, link) ? forced->name : std::string_view();
}

/// `price(collective, block_bytes)` of one with a plan; `link` for the rest.
template <typename PriceOf>
void add(Account& account, const Operation& operation, const LinkModel& link, PriceOf&& price) {
  Request request = operation.request;
  const CallDetails* const details = operation.details.get();
  switch (request.collective) {
    case Collective::send:
      account.sent = account.sent + message(request.count, request.type, link);
      return;
    case Collective::receive:
      account.received = account.received + message(request.count, request.type, link);
      return;
    case Collective::all_to_all_v:
      for (const std::size_t count : details->sizes.counts) {
        account.collectives = account.collectives + message(count, request.type, link);
      }
      return;
    default:
      break;
  }
  if (details != nullptr && !details->sizes.empty()) request.count = count_to_plan(details->sizes);
  request.collective = row_of(request.collective).planned_as;
  account.collectives = account.collectives + price(request, request.count * data_type_bytes(request.type));
}

void add(Account& account, const GroupShare& share) {
  const Engine& engine = share.communicator->engine();
  for (const Operation& operation : share.batch) {
    add(account, operation, engine.link(), [&](const Request& request, std::size_t block_bytes) {
      return choose_plan(request.collective, block_bytes, engine.n_ranks(), request.root, engine.max_channels(),
                         engine.link(),
                         forced_for(engine.settings(), request, engine.n_ranks(), engine.max_channels(), engine.link()))
          .cost;
    });
  }
}

void add(Account& account, const DeviceCall& call) {
  const DeviceEngine& engine = call.communicator->engine();
  for (const Operation& operation : call.batch) {
    DeviceModel model = engine.model();
    // As the engine has it: wide packets are for blocks that are alike.
    if (operation.details != nullptr && !operation.details->sizes.empty()) model.wide_channels = 0;
    add(account, operation, model.slots, [&](const Request& request, std::size_t block_bytes) {
      const std::string_view forced =
          forced_for(engine.settings(), request, engine.n_ranks(), model.max_channels, model.packets);
      return choose_device_plan(request.collective, block_bytes, engine.n_ranks(), request.root, model,
                                {forced, engine.forced_protocol()})
          .cost;
    });
  }
}

}  // namespace

double estimate_us(std::span<const GroupShare> shares, std::span<const DeviceCall> calls) {
  std::map<const void*, Account> accounts;
  for (const GroupShare& share : shares) add(accounts[share.communicator], share);
  for (const DeviceCall& call : calls) add(accounts[call.communicator], call);
  Picoseconds longest = 0;
  for (const auto& [communicator, account] : accounts) longest = std::max(longest, account.whole());
  return static_cast<double>(longest) * 1e-6;
}

}  // namespace stretto
