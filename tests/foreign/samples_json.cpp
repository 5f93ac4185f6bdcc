#include "base/text.hpp"
#include "foreign/samples.hpp"

namespace stretto::foreign {
namespace {

std::string joined(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& each : all) text += (text.empty() ? "" : ", ") + each;
  return text;
}

std::string numbers(int count, int value = -1) {
  std::vector<std::string> all;
  for (int i = 0; i < count; ++i) all.push_back(format("{}", value < 0 ? i : value));
  return joined(all);
}

std::string local(char buffer, int index, int size = 1) {
  return format("{{\"type\": \"{}\", \"index\": {}, \"size\": {}}}", buffer, index, size);
}
std::string remote(int id, int index, int size = 1) {
  return format("{{\"buffer_id\": {}, \"index\": {}, \"size\": {}}}", id, index, size);
}

std::string move(const char* name, const std::vector<std::string>& from, const std::vector<std::string>& to,
                 const std::string& more = "\"channel_type\": \"memory\"") {
  return format("{{\"name\": \"{}\", \"src_buff\": [{}], \"dst_buff\": [{}], {}}}", name, joined(from), joined(to),
                more);
}

std::string on_channels(const char* name, const std::string& ids, const char* type = "memory") {
  return format("{{\"name\": \"{}\", \"channel_ids\": [{}], \"channel_type\": \"{}\"}}", name, ids, type);
}

/// Each rank has a channel to each peer, and the buffers of each peer that `buffers` names, peer by peer.
struct Layout {
  const char* type = "memory";
  std::string buffers;
  int scratch = 0;
  int semaphores = 0;
};

std::string gpu(int rank, int n, int in, int out, const Layout& layout,
                const std::vector<std::vector<std::string>>& blocks) {
  std::vector<std::string> peers, buffers, texts, semaphores;
  for (int peer = 0; peer < n; ++peer) {
    if (peer == rank) continue;
    peers.push_back(format("{}", peer));
    for (const char buffer : layout.buffers) {
      buffers.push_back(
          format("{{\"rank\": {}, \"type\": \"{}\", \"access_channel_types\": [\"{}\"]}}", peer, buffer, layout.type));
    }
  }
  for (std::size_t id = 0; id < blocks.size(); ++id) {
    std::string ops;
    for (const std::string& op : blocks[id]) ops += (ops.empty() ? "\n        " : ",\n        ") + op;
    texts.push_back(
        format("{{\"id\": {}, \"channels\": [{{\"channel_type\": \"{}\", \"channel_ids\": [{}]}}],\n"
               "       \"remote_buffer_refs\": [{{\"access_channel_type\": \"{}\", \"remote_buffer_ids\": [{}]}}],\n"
               "       \"ops\": [{}]}}",
               id, layout.type, numbers(n - 1), layout.type, numbers(static_cast<int>(buffers.size())), ops));
  }
  for (int i = 0; i < layout.semaphores; ++i) semaphores.emplace_back("{\"init_value\": 0}");
  return format(
      "    {{\"id\": {}, \"input_chunks\": {}, \"output_chunks\": {}, \"scratch_chunks\": {},\n"
      "     \"channels\": [{{\"channel_type\": \"{}\", \"connected_to\": [{}]}}],\n"
      "     \"remote_buffers\": [{}],\n     \"semaphores\": [{}],\n     \"threadblocks\": [\n      {}]}}",
      rank, in, out, layout.scratch, layout.type, joined(peers), joined(buffers), joined(semaphores), joined(texts));
}

template <typename OfRank>
std::string plan(const char* name, const char* collective, int n, bool in_place, OfRank of_rank) {
  std::string text = format(
      "{{\n  \"name\": \"{}\", \"collective\": \"{}\", \"protocol\": \"Simple\", \"inplace\": {},\n"
      "  \"gpus\": [\n",
      name, collective, in_place);
  for (int rank = 0; rank < n; ++rank) text += (rank > 0 ? ",\n" : "") + of_rank(rank);
  return text + "\n  ]\n}\n";
}

int around(int rank, int n) { return (rank % n + n) % n; }
/// The number of a peer among the others.
int number_of(int peer, int rank) { return peer < rank ? peer : peer - 1; }

std::vector<int> peers_of(int rank, int n) {
  std::vector<int> peers;
  for (int hop = 1; hop < n; ++hop) peers.push_back(around(rank + hop, n));
  return peers;
}

}  // namespace

std::string ring_all_reduce_json(int n) {
  return plan("a ring", "allreduce", n, true, [&](int rank) {
    const int next = number_of(around(rank + 1, n), rank);
    const int previous = number_of(around(rank - 1, n), rank);
    const std::string to_next = format("\"channel_ids\": [{}], \"channel_type\": \"port\"", next);
    const std::string from_previous = on_channels("wait", format("{}", previous), "port");
    std::vector<std::string> ops;
    for (int hop = 0; hop < n - 1; ++hop) {
      const int sent = around(rank - hop, n);
      const int held = around(rank - hop - 1, n);
      ops.push_back(move("pws", {local('i', sent)}, {remote(2 * next + 1, hop)}, to_next));
      ops.push_back(from_previous);
      ops.push_back(move("re", {local('i', held), local('s', hop)}, {local('i', held)}, "\"reduce_op\": \"sum\""));
    }
    for (int hop = 0; hop < n - 1; ++hop) {
      const int sent = around(rank + 1 - hop, n);
      ops.push_back(move("pwsf", {local('i', sent)}, {remote(2 * next, sent)}, to_next));
      ops.push_back(from_previous);
    }
    return gpu(rank, n, n, n, {"port", "is", n}, {ops});
  });
}

std::string packets_all_reduce_json(int n) {
  return plan("packets", "allreduce", n, true, [&](int rank) {
    std::vector<std::string> ops, from = {local('i', rank)}, to = {local('i', rank)};
    for (const int peer : peers_of(rank, n)) {
      ops.push_back(move("ppkt", {local('i', peer)}, {remote(number_of(peer, rank), rank)}));
      from.push_back(local('s', peer));
      to.push_back(remote(number_of(peer, rank), n + rank));
    }
    ops.push_back(move("respkt", from, to));
    for (const int peer : peers_of(rank, n))
      ops.push_back(move("upkt", {local('s', n + peer)}, {local('i', peer)}, "\"channel_type\": \"none\""));
    return gpu(rank, n, n, n, {"memory", "s", 2 * n}, {ops});
  });
}

std::string pairs_all_gather_json(int n) {
  return plan("announced by another", "allgather", n, false, [&](int rank) {
    std::vector<std::string> puts = {
        move("copy", {local('i', 0, 2)}, {local('o', 2 * rank, 2)}, "\"channel_type\": \"none\"")};
    std::vector<std::string> announces = {"{\"name\": \"sem_acquire\", \"semaphore_ids\": [0]}"};
    for (const int peer : peers_of(rank, n)) {
      puts.push_back(move("put", {local('i', 0, 2)}, {remote(number_of(peer, rank), 2 * rank, 2)}));
    }
    puts.emplace_back("{\"name\": \"sem_release\", \"semaphore_ids\": [0]}");
    announces.push_back(on_channels("signal", numbers(n - 1)));
    announces.push_back(on_channels("wait", numbers(n - 1)));
    for (auto* block : {&puts, &announces})
      block->emplace_back("{\"name\": \"barrier\", \"barrier_id\": 0, \"num_threadblocks\": 2}");
    return gpu(rank, n, 2, 2 * n, {"memory", "o", 0, 1}, {puts, announces});
  });
}

std::string reading_reduce_scatter_json(int n) {
  return plan("reading", "reducescatter", n, false, [&](int rank) {
    std::vector<std::vector<std::string>> blocks;
    for (int half = 0; half < 2; ++half) {
      std::vector<std::string> from = {local('i', rank)};
      for (const int peer : peers_of(rank, n)) from.push_back(remote(number_of(peer, rank), rank));
      std::vector<std::string> ops = {"{\"name\": \"nop\"}"};
      if (half == 0) {
        ops.push_back(on_channels("rlxsignal", numbers(n - 1)));
        ops.push_back(on_channels("rlxwait", numbers(n - 1)));
      }
      ops.emplace_back("{\"name\": \"barrier\", \"barrier_id\": 3, \"num_threadblocks\": 2}");
      ops.push_back(
          move("rre", from, {local('o', 0)},
               format("\"channel_type\": \"memory\", \"tbg_info\": {{\"tb_id\": {}, \"tbg_size\": 2}}", half)));
      blocks.push_back(ops);
    }
    return gpu(rank, n, n, 1, {"memory", "i"}, blocks);
  });
}

std::string pairs_all_to_all_json(int n) {
  return plan("a pipeline", "alltoall", n, false, [&](int rank) {
    std::vector<std::string> inner = {
        move("copy", {local('i', rank)}, {local('o', rank)}, "\"channel_type\": \"none\"")};
    for (const int peer : peers_of(rank, n)) {
      inner.push_back(move("put", {local('i', peer)}, {remote(number_of(peer, rank), rank)}));
    }
    inner.push_back(on_channels("signal", numbers(n - 1)));
    inner.push_back(on_channels("wait", numbers(n - 1)));
    const std::string pipeline = format(
        "{{\"name\": \"pipeline\", \"iter_context\": {{\"unit_size\": 4096, \"num_chunks\": 1}}, \"ops\": [{}]}}",
        joined(inner));
    return gpu(rank, n, n, n, {"memory", "o"}, {{pipeline, "{\"name\": \"flush\"}"}});
  });
}

const std::vector<Sample>& samples() {
  static const std::vector<Sample> all = [] {
    std::vector<Sample> made = {
        {"ring_all_reduce", ring_all_reduce_json, Collective::all_reduce, 2, 3, false},
        {"packets_all_reduce", packets_all_reduce_json, Collective::all_reduce, 2, 3, false},
        {"pairs_all_gather", pairs_all_gather_json, Collective::all_gather, 2, 3, false},
        {"reading_reduce_scatter", reading_reduce_scatter_json, Collective::reduce_scatter, 2, 3, false},
        {"pairs_all_to_all", pairs_all_to_all_json, Collective::all_to_all, 2, 2, false}};
#ifdef STRETTO_WITH_XML
    made.push_back({"ring_all_reduce", ring_all_reduce_xml, Collective::all_reduce, 2, 4, true});
    made.push_back({"pairs_all_reduce", pairs_all_reduce_xml, Collective::all_reduce, 2, 3, true});
    made.push_back({"ring_all_gather", ring_all_gather_xml, Collective::all_gather, 2, 3, true});
    made.push_back({"pairs_all_to_all", pairs_all_to_all_xml, Collective::all_to_all, 2, 3, true});
#endif
    return made;
  }();
  return all;
}

}  // namespace stretto::foreign
