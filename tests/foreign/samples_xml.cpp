#include "base/text.hpp"
#include "foreign/samples.hpp"

namespace stretto::foreign {
namespace {

struct Place {
  char buffer;
  int offset;
};

/// One <tb>, step by step.
class Block {
 public:
  Block(int id, int send, int receive, int channel)
      : text_(format("    <tb id=\"{}\" send=\"{}\" recv=\"{}\" chan=\"{}\">\n", id, send, receive, channel)) {}

  Block& step(const char* type, Place from, Place to, int count = 1, int block = -1, int after = -1) {
    text_ += format(
        "      <step s=\"{}\" type=\"{}\" srcbuf=\"{}\" srcoff=\"{}\" dstbuf=\"{}\" dstoff=\"{}\" cnt=\"{}\" "
        "depid=\"{}\" "
        "deps=\"{}\" hasdep=\"0\"/>\n",
        n_++, type, from.buffer, from.offset, to.buffer, to.offset, count, block, after);
    return *this;
  }
  std::string text() const { return text_ + "    </tb>\n"; }
  int steps() const { return n_; }

 private:
  std::string text_;
  int n_ = 0;
};

std::string algorithm(const char* name, const char* collective, int n_ranks, int chunks, bool in_place, int scratch,
                      std::string (*blocks)(int rank, int n_ranks)) {
  std::string text = format(
      "<algo name=\"{}\" proto=\"Simple\" nchannels=\"2\" nchunksperloop=\"{}\" ngpus=\"{}\" coll=\"{}\" "
      "inplace=\"{}\">\n",
      name, chunks, n_ranks, collective, in_place ? 1 : 0);
  for (int rank = 0; rank < n_ranks; ++rank) {
    text +=
        format("  <gpu id=\"{}\" i_chunks=\"{}\" o_chunks=\"{}\" s_chunks=\"{}\">\n", rank, chunks, chunks, scratch);
    text += blocks(rank, n_ranks) + "  </gpu>\n";
  }
  return text + "</algo>\n";
}

int around(int rank, int n_ranks) { return (rank % n_ranks + n_ranks) % n_ranks; }

/// The threadblock of a peer, where there is one for each other rank.
int block_for(int peer, int rank) { return peer < rank ? peer : peer - 1; }

std::string ring_blocks(int rank, int n) {
  const auto in = [&](int chunk) { return Place{'i', around(chunk, n)}; };
  Block block(0, around(rank + 1, n), around(rank - 1, n), 0);
  block.step("s", in(rank), in(rank));
  for (int hop = 1; hop < n - 1; ++hop) block.step("rrs", in(rank - hop), in(rank - hop));
  block.step("rrcs", in(rank + 1), in(rank + 1));
  for (int hop = 1; hop < n - 1; ++hop) block.step("rcs", in(rank + 1 - hop), in(rank + 1 - hop));
  block.step("r", in(rank + 2), in(rank + 2));
  return block.text();
}

std::string pairs_blocks(int rank, int n) {
  const Place mine{'i', rank};
  std::string text;
  const int last_sum = 2 + n - 1 - 1;  // of the first threadblock
  for (int peer = 0; peer < n; ++peer) {
    if (peer == rank) continue;
    const int id = block_for(peer, rank);
    Block block(id, peer, peer, 0);
    block.step("s", {'i', peer}, {'s', rank}).step("r", {'i', rank}, {'s', peer});
    for (int other = 0; id == 0 && other < n; ++other) {
      if (other == rank) continue;
      const int whose = block_for(other, rank);
      block.step("re", {'s', other}, mine, 1, whose > 0 ? whose : -1, whose > 0 ? 1 : -1);
    }
    if (id > 0) block.step("nop", {'i', -1}, {'o', -1}, 0, 0, last_sum);
    block.step("s", mine, mine).step("r", {'i', peer}, {'i', peer});
    text += block.text();
  }
  return text;
}

std::string gather_blocks(int rank, int n) {
  std::string text;
  for (int channel = 0; channel < 2; ++channel) {
    const auto out = [&](int block) { return Place{'o', 2 * around(block, n) + channel}; };
    Block block(channel, around(rank + 1, n), around(rank - 1, n), channel);
    block.step("cpy", {'i', channel}, out(rank)).step("s", out(rank), out(rank));
    for (int hop = 1; hop < n - 1; ++hop) block.step("rcs", out(rank - hop), out(rank - hop));
    block.step("r", out(rank + 1), out(rank + 1));
    text += block.text();
  }
  return text;
}

std::string all_to_all_blocks(int rank, int n) {
  std::string text = Block(0, -1, -1, 0).step("cpy", {'i', 3 * rank}, {'o', 3 * rank}, 3).text();
  for (int peer = 0; peer < n; ++peer) {
    if (peer == rank) continue;
    Block block(1 + block_for(peer, rank), peer, peer, 1);
    block.step("s", {'i', 3 * peer}, {'o', 3 * rank}, 3).step("r", {'i', 3 * rank}, {'o', 3 * peer}, 3);
    text += block.text();
  }
  return text;
}

}  // namespace

std::string ring_all_reduce_xml(int n) { return algorithm("a ring", "allreduce", n, n, true, 0, ring_blocks); }
std::string pairs_all_reduce_xml(int n) { return algorithm("all pairs", "allreduce", n, n, true, n, pairs_blocks); }
std::string ring_all_gather_xml(int n) {
  return algorithm("two rings", "allgather", n, 2 * n, false, 0, gather_blocks);
}
std::string pairs_all_to_all_xml(int n) {
  return algorithm("all pairs", "alltoall", n, 3 * n, false, 0, all_to_all_blocks);
}

}  // namespace stretto::foreign
