// Foreign plans that are wrong, or beyond what can be said in stretto's steps: each is refused with file, place and
// why.
#include <gtest/gtest.h>

#include "base/text.hpp"
#include "foreign/foreign_plan.hpp"
#include "foreign/samples.hpp"

namespace stretto::foreign {
namespace {

std::string refusal_of(const std::string& text) {
  try {
    read_foreign_plan(text, "sample");
  } catch (const Error& error) {
    EXPECT_EQ(error.info().code, strettoInvalidArgument);
    EXPECT_TRUE(error.info().text.starts_with("foreign plan sample")) << error.what();
    return error.what();
  }
  return "no refusal";
}

/// The n-th occurrence of some words replaced.
std::string with(std::string text, const std::string& words, const std::string& others, int n = 1) {
  std::size_t at = text.find(words);
  for (; n > 1 && at != text.npos; --n) at = text.find(words, at + 1);
  EXPECT_NE(at, text.npos) << words;
  return at == text.npos ? text : text.replace(at, words.size(), others);
}

struct Case {
  const char* words;
  const char* others;
  const char* why;
  int n = 1;
};

void expect_refusals(const std::string& text, const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    const std::string refusal = refusal_of(with(text, each.words, each.others, each.n));
    EXPECT_NE(refusal.find(each.why), std::string::npos) << each.words << " -> " << each.others << ": " << refusal;
  }
}

TEST(ForeignRefusals, TextOfNeitherKind_SaysWhatIsNeeded) {
  for (const char* text : {"", "  \n", "rank 0", "[1]", "\x7f"}) {
    EXPECT_NE(refusal_of(text).find("give one of these"), std::string::npos) << text;
  }
}

#ifdef STRETTO_WITH_XML
TEST(ForeignRefusals, XmlOutOfRange_NamesTheLine) {
  expect_refusals(
      ring_all_reduce_xml(3),
      {{"ngpus=\"3\"", "ngpus=\"0\"", "line 1: ngpus=\"0\": a whole number from 1 to 1024"},
       {"ngpus=\"3\"", "ngpus=\"99999999999999999999\"", "a whole number from 1 to 1024"},
       {"ngpus=\"3\"", "", "lacks its attribute \"ngpus\""},
       {"ngpus=\"3\"", "ngpus=\"4\"", "line 1: 3 <gpu>s where ngpus=\"4\""},
       {"nchunksperloop=\"3\"", "nchunksperloop=\"0\"", "a whole number from 1"},
       {"coll=\"allreduce\"", "coll=\"custom\"", "nothing says what its outputs must hold"},
       {"coll=\"allreduce\"", "coll=\"alltoall\"", "line 5: rank 0 adds chunk 8 to chunk 2"},
       {"<gpu id=\"1\"", "<gpu id=\"2\"", "line 11: gpus stand in order"},
       {"srcoff=\"0\"", "srcoff=\"3\"", "line 4: srcoff 3 and 0 more chunks reach beyond the 3"},
       {"srcoff=\"0\"", "srcoff=\"-1\"", "line 4: srcoff=\"-1\""},
       {"cnt=\"1\"", "cnt=\"2147483647\"", "line 4: cnt="},
       {"srcbuf=\"i\"", "srcbuf=\"q\"", "line 4: \"q\" is no buffer"},
       {"srcbuf=\"i\"", "srcbuf=\"s\"", "reach beyond the 0"},
       {"send=\"1\"", "send=\"0\"", "line 3: a <tb> sends to its own gpu"},
       {"send=\"1\"", "send=\"7\"", "line 3: send=\"7\""},
       {"send=\"1\"", "send=\"-1\"", "line 4: a step \"s\" sends, but"},
       {"recv=\"2\"", "recv=\"-1\"", "line 5: a step \"rrs\" receives, but"},
       {"type=\"rrs\"", "type=\"xyz\"", "line 5: type=\"xyz\" is no step"},
       {"s=\"1\"", "s=\"5\"", "steps are numbered in order"},
       {"nchunksperloop=\"3\" ngpus=\"3\" coll=\"allreduce\"", "nchunksperloop=\"4\" ngpus=\"3\" coll=\"allgather\"",
        "line 1: 4 chunks are no multiple of the 3 blocks"},
       {"depid=\"-1\" deps=\"-1\"", "depid=\"4\" deps=\"0\"", "line 4: depid=\"4\" is no <tb>"},
       {"depid=\"-1\" deps=\"-1\"", "depid=\"0\" deps=\"9\"", "threadblock 0 has 5 steps"},
       {"depid=\"-1\" deps=\"-1\"", "depid=\"0\" deps=\"-1\"", "both -1"},
       {"</algo>", "", "no element found"}});
}

TEST(ForeignRefusals, XmlThatDoesWrong_SaysWhere) {
  const std::string ring = ring_all_reduce_xml(3);
  const std::string own_step = "depid=\"0\" deps=\"4\"";
  expect_refusals(
      ring, {{"depid=\"-1\" deps=\"-1\"", own_step.c_str(), "line 4: the plan deadlocks: step 0 of threadblock 0"},
             {"type=\"rrcs\"", "type=\"rcs\"", "the checker refuses it"},
             {"type=\"rrs\"", "type=\"rcs\"", "the checker refuses it"},
             {"srcoff=\"2\"", "srcoff=\"1\"", "adds chunk"},
             {"recv=\"2\" chan=\"0\"", "recv=\"2\" chan=\"1\"", "deadlocks"},
             {"type=\"r\"", "type=\"nop\"", "does not receive 1 of the messages"}});
  expect_refusals(pairs_all_to_all_xml(3), {{"cnt=\"3\"", "cnt=\"2\"", "receives 3 chunks, and the message", 2},
                                            {"type=\"cpy\"", "type=\"nop\"", "missing output"}});
  expect_refusals(pairs_all_reduce_xml(3), {{"type=\"re\" srcbuf=\"s\" srcoff=\"2\"",
                                             "type=\"re\" srcbuf=\"s\" srcoff=\"1\"", "double contribution"},
                                            {"<tb id=\"1\"", "<tb id=\"0\"", "there is a <tb> of id 0 already"}});
}

TEST(ForeignRefusals, XmlStructure_IsRefusedByName) {
  const std::string head = "<algo ngpus=\"1\" nchunksperloop=\"1\" coll=\"allreduce\">";
  const std::string op = "<gpu id=\"0\"><tb id=\"0\"><op step=\"0\" type=\"s\" buf=\"i\" off=\"0\"/></tb></gpu>";
  EXPECT_NE(refusal_of(head + op + "</algo>").find("asked for the old format"), std::string::npos);
  EXPECT_NE(refusal_of(head + "<node/></algo>").find("<node> is unknown here"), std::string::npos);
  EXPECT_NE(refusal_of(head + "<gpu id=\"0\"><warp/></gpu></algo>").find("<warp> is unknown here"), std::string::npos);
  EXPECT_NE(refusal_of("<system/>").find("<system> is no algorithm"), std::string::npos);
  EXPECT_NE(refusal_of(head + "</algo>").find("0 <gpu>s where ngpus=\"1\""), std::string::npos);
  EXPECT_NE(refusal_of("<!DOCTYPE a><algo/>").find("a document type is not read"), std::string::npos);
}
#endif

TEST(ForeignRefusals, JsonOutOfRange_NamesThePlace) {
  expect_refusals(
      packets_all_reduce_json(3),
      {{"\"gpus\"", "\"gqus\"", "\"gpus\" is missing"},
       {"\"inplace\": true", "\"inplace\": 1", "at /inplace: true or false"},
       {"allreduce", "custom", "at /collective"},
       {"allreduce", "allgather", "src_buff/0: chunks 1 to 1 reach beyond the 1 of this buffer"},
       {"\"input_chunks\": 3", "\"input_chunks\": -3", "at /gpus/0/input_chunks: a whole number"},
       {"\"input_chunks\": 3", "\"input_chunks\": 18446744073709551615", "at /gpus/0/input_chunks"},
       {"\"input_chunks\": 3", "\"input_chunks\": 4", "at /gpus/1: it has 3 chunks, and others have 4"},
       {"\"input_chunks\"", "\"inputChunks\"", "older form"},
       {"\"id\": 1", "\"id\": 2", "gpus stand in order"},
       {"\"index\": 1", "\"index\": 3", "at /gpus/0/threadblocks/0/ops/0/src_buff/0: chunks 3 to 3 reach beyond the 3"},
       {"\"size\": 1", "\"size\": 70000", "at /gpus/0/threadblocks/0/ops/0/src_buff/0/size"},
       {"\"buffer_id\": 0", "\"buffer_id\": 2", "/dst_buff/0/buffer_id: a whole number from 0 to 1"},
       {"\"type\": \"i\", \"index\"", "\"type\": \"x\", \"index\"", "\"x\" is no buffer"},
       {"\"ppkt\"", "\"teleport\"", "\"teleport\" is no operation"},
       {"\"ppkt\"", "\"gstorepkt\"", "lets a switch add or copy"},
       {"\"channel_ids\": [0, 1]", "\"channel_ids\": [0, 5]", "at /gpus/0/threadblocks/0/channels/0/channel_ids/1"},
       {"\"connected_to\": [1, 2]", "\"connected_to\": [1, 0]", "a channel to the rank itself"},
       {"{", "{{", "this is not JSON"}});
}

TEST(ForeignRefusals, JsonThatDoesWrong_SaysWhere) {
  expect_refusals(packets_all_reduce_json(3), {{"\"upkt\"", "\"nop\"", "gpu 0 does not read these packets"},
                                               {"\"ppkt\"", "\"nop\"", "deadlocks: \"upkt\" waits for ever"},
                                               {"\"ppkt\"", "\"put\"", "deadlocks"}});
  expect_refusals(pairs_all_gather_json(3),
                  {{"\"signal\"", "\"rlxsignal\"", "nothing tells gpu"},
                   {"\"wait\"", "\"rlxwait\"", "nothing tells gpu 0 that this has come"},
                   {"\"sem_release\"", "\"nop\"", "deadlocks: \"barrier\""},
                   {"\"sem_acquire\"", "\"nop\"", "nothing tells gpu"},
                   {"\"num_threadblocks\": 2", "\"num_threadblocks\": 3", "other threadblocks say 3"},
                   {"\"copy\"", "\"nop\"", "missing output"},
                   {"\"semaphore_ids\": [0]", "\"semaphore_ids\": [1]", "/semaphore_ids/0"}});
  expect_refusals(ring_all_reduce_json(3),
                  {{"\"re\"", "\"nop\"", "the checker refuses it"}, {"\"pws\"", "\"put\"", "deadlocks: \"wait\""}});
  expect_refusals(reading_reduce_scatter_json(3), {{"\"tb_id\": 1", "\"tb_id\": 0", "missing output"},
                                                   {"\"tb_id\": 1", "\"tb_id\": 2", "/tbg_info/tb_id"},
                                                   {"\"tbg_size\": 2", "\"tbg_size\": 1023", "too many ways"}});
}

}  // namespace
}  // namespace stretto::foreign
