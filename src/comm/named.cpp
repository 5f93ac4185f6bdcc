#include "comm/named.hpp"

#include <numeric>

#include "base/secret_file.hpp"
#include "base/system.hpp"
#include "base/text.hpp"
#include "bootstrap/job_key.hpp"
#include "comm/reunion.hpp"

namespace stretto {

strettoUniqueId id_of_name(const std::string& name, const Environment& environment) {
  const std::string& path = environment.text(Knob::secret_file);
  return encode_named_id(name_digest(name, path.empty() ? std::vector<std::byte>() : read_secret_file(path)));
}

std::unique_ptr<IdSource> meet_by_name(const Key& digest, int n_ranks, Rank rank, const Settings& settings) {
  MeetingPlace place;
  place.name = named_meeting(digest, posix_system().user());
  place.job = format("the {} ranks of this name", n_ranks);
  place.rank_by = "rank";
  place.size_by = place.digest_by = "nranks";
  place.rank = rank;
  place.n_ranks = n_ranks;
  place.deadline_ns = posix_system().now_ns() + settings.setup_timeout_ns;
  place.topic = "named id";
  place.advice =
      "Check that they run, on this host, in its network namespace and as the same user, and that their ids were made "
      "of the same name (NCCL_COMM_ID, say)";
  place.members.resize(static_cast<std::size_t>(n_ranks));
  std::iota(place.members.begin(), place.members.end(), 0);
  return meet_at(place);
}

}  // namespace stretto
