#include "random/player.hpp"

#include <array>

#include "base/text.hpp"
#include "random/content.hpp"

namespace stretto::script {
namespace {

constexpr int kStreams = 2;
constexpr std::size_t kMostPendingBytes = 16 << 20;
constexpr int kMostInGroup = 8;

/// A communicator, this rank's streams, and what is under way in them.
class Player {
 public:
  Player(const Episode& episode, strettoComm_t comm, int rank, std::array<strettoStream_t, kStreams> streams,
         bool can_split)
      : episode_(episode), comm_(comm), rank_(rank), streams_(streams), can_split_(can_split) {}

  std::size_t play() {
    std::size_t common = 0;
    for (step_ = 0; common < episode_.operations; ++step_) common += play_step();
    synchronize();
    return common + in_splits_;
  }

 private:
  using Jobs = std::list<std::unique_ptr<Job>>;

  /// Operations of all ranks.
  std::size_t play_step() {
    Random common(mix({episode_.seed, step_}));
    Random own(mix({episode_.seed, step_, 1 + static_cast<std::uint64_t>(rank_)}));
    if (can_split_ && common.one_in(25)) {
      play_split(common);
      return 0;
    }
    const bool group = common.one_in(4);
    const int calls = group ? 1 + common.below(kMostInGroup) : 1;
    Jobs jobs;
    const bool alike = common.one_in(3);  // calls of one kind are what the library may run as one
    Call call;
    for (int i = 0; i < calls; ++i) {
      call = alike && i > 0 ? similar_call(call, common) : random_call(common, episode_.n);
      jobs.push_back(std::make_unique<Job>(call, rank_, own.next()));
    }
    const bool in_stream = own.one_in(2);
    if (group) {
      issue_group(jobs, in_stream, own);
    } else {
      expect(jobs.front()->issue(comm_, in_stream ? random_stream(own) : nullptr, false), jobs.front()->text());
    }
    finish(jobs, in_stream, own);
    return static_cast<std::size_t>(calls);
  }

  /// Collectives keep their order, and so do sends and receives; how they mix is this rank's choice.
  void issue_group(const Jobs& jobs, bool in_stream, Random& own) {
    std::list<Job*> collectives;
    std::list<Job*> messages;
    for (const auto& job : jobs) (job->call().kind == Kind::messages ? messages : collectives).push_back(job.get());
    const bool nested = own.one_in(2);
    expect(strettoGroupStart(), "strettoGroupStart");
    while (!collectives.empty() || !messages.empty()) {
      std::list<Job*>& from = messages.empty() || (!collectives.empty() && own.one_in(2)) ? collectives : messages;
      if (nested) expect(strettoGroupStart(), "strettoGroupStart");
      expect(from.front()->issue(comm_, in_stream ? random_stream(own) : nullptr, true), from.front()->text());
      if (nested) expect(strettoGroupEnd(), "strettoGroupEnd");
      from.pop_front();
    }
    std::string all;
    for (const auto& job : jobs) all += "\n  " + job->text();
    expect(strettoGroupEnd(), "a group of" + all);
  }

  void finish(Jobs& jobs, bool in_stream, Random& own) {
    if (!in_stream) return verify(jobs);
    for (const auto& job : jobs) pending_bytes_ += job->bytes();
    pending_.splice(pending_.end(), jobs);
    if (pending_bytes_ > kMostPendingBytes || own.one_in(4)) synchronize();
  }

  void verify(Jobs& jobs) {
    for (const auto& job : jobs) {
      if (const std::string wrong = job->verify(); !wrong.empty()) fail(job->text() + ": " + wrong);
    }
    jobs.clear();
  }

  void synchronize() {
    for (const strettoStream_t stream : streams_) expect(strettoStreamSynchronize(stream), "operations in a stream");
    verify(pending_);
    pending_bytes_ = 0;
  }

  strettoStream_t random_stream(Random& own) { return streams_[own.below(std::size_t{kStreams})]; }

  /// Parts the ranks into up to two groups, each forced to an algorithm of its own, and plays on them for a while.
  void play_split(Random& common) {
    const bool whole = common.one_in(3);
    std::vector<int> colors;
    std::vector<int> keys;
    for (int rank = 0; rank < episode_.n; ++rank) {
      colors.push_back(whole ? 0 : common.below(3) - (common.one_in(3) ? 1 : 0));
      keys.push_back(common.below(3));
    }
    const auto own = static_cast<std::size_t>(rank_);
    const int color = colors[own];
    Random of_color(mix({episode_.seed, step_, 0xC0102ULL, static_cast<std::uint64_t>(color + 1)}));
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    config.algorithm = random_algorithm(of_color);
    config.max_channels = 1 + of_color.below(4);
    const bool inherit = of_color.one_in(4);
    strettoComm_t part = nullptr;
    const strettoResult_t made = strettoCommSplit(comm_, color, keys[own], &part, inherit ? nullptr : &config);
    expect(made, format("split with color {}, algorithm {}", color, config.algorithm ? config.algorithm : "any"));
    if (color < 0) return;
    Episode inner{of_color.next(), 0, 8 + of_color.below(std::size_t{16})};
    int place = 0;
    for (std::size_t rank = 0; rank < colors.size(); ++rank) {
      if (colors[rank] != color) continue;
      ++inner.n;
      place += keys[rank] < keys[own] || (keys[rank] == keys[own] && rank < own) ? 1 : 0;
    }
    try {
      in_splits_ += Player(inner, part, place, streams_, false).play();
    } catch (const Mismatch& inside) {
      strettoCommAbort(part);  // the others in it end, too; the rest of them by the abort of all
      strettoCommDestroy(part);
      fail(format("split (color {}, algorithm {}, {} channels): {}", color, config.algorithm ? config.algorithm : "any",
                  config.max_channels, inside.what()));
    }
    synchronize();
    expect(strettoCommDestroy(part), "destroying a split");
  }

  void expect(strettoResult_t result, const std::string& what) {
    if (result != strettoSuccess) {
      fail(format("{}: error {}: {}", what, static_cast<int>(result), strettoGetLastError(comm_)));
    }
  }

  [[noreturn]] void fail(const std::string& what) {
    throw Mismatch(format("seed {}, {} ranks, rank {}, step {}: {}", episode_.seed, episode_.n, rank_, step_, what));
  }

  Episode episode_;
  strettoComm_t comm_;
  int rank_;
  std::array<strettoStream_t, kStreams> streams_;
  bool can_split_;
  std::uint64_t step_ = 0;
  std::size_t in_splits_ = 0;
  Jobs pending_;
  std::size_t pending_bytes_ = 0;
};

/// Destroyed last, also where the episode fails: buffers may be in use until then.
class Streams {
 public:
  Streams() {
    for (strettoStream_t& stream : all) {
      if (strettoStreamCreate(&stream) != strettoSuccess) throw Mismatch(strettoGetLastError(nullptr));
    }
  }
  ~Streams() {
    for (const strettoStream_t stream : all) strettoStreamDestroy(stream);
  }
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  std::array<strettoStream_t, kStreams> all{};
};

}  // namespace

int ranks_of(std::uint64_t seed) { return 1 + static_cast<int>(seed % 8); }

const char* algorithm_of(const Episode& episode) {
  Random random(mix({episode.seed, 0xA160ULL}));
  return random_algorithm(random);
}

std::size_t play(const Episode& episode, strettoComm_t comm, int rank) {
  Streams streams;
  Player player(episode, comm, rank, streams.all, episode.n > 1);
  try {
    return player.play();
  } catch (const Mismatch&) {
    // Streams hold operations whose buffers are about to go: they end by this, and so do the other ranks'.
    strettoCommAbort(comm);
    for (const strettoStream_t stream : streams.all) strettoStreamSynchronize(stream);
    throw;
  }
}

}  // namespace stretto::script
