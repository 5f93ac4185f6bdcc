#include "bootstrap/messages.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace stretto {
namespace {

constexpr std::size_t text_bytes_max = 4096;

/// Texts of other ranks end up in this rank's errors: bounded, whatever they send.
std::string get_text(WireReader& reader) {
  std::string text = reader.text();
  if (text.size() > text_bytes_max) text.resize(text_bytes_max);
  return text;
}

void put_text(WireWriter& writer, const std::string& text) {
  writer.text(std::string_view(text).substr(0, text_bytes_max));
}

}  // namespace

std::string to_string(const Member& member) {
  return format("rank {} on host {} (process {})", member.rank, member.host, member.process);
}

std::string list_ranks(const std::vector<Rank>& ranks) {
  constexpr std::size_t listed_max = 16;
  const std::size_t n_listed = std::min(ranks.size(), listed_max);
  std::string text;
  for (std::size_t i = 0; i < n_listed; ++i) text += format("{}{}", i == 0 ? "" : ", ", ranks[i]);
  if (ranks.size() > n_listed) text += format(" and {} more", ranks.size() - n_listed);
  return text;
}

void put(WireWriter& writer, const Endpoint& endpoint) {
  writer.number(static_cast<std::uint8_t>(endpoint.ipv6 ? 1 : 0));
  for (const std::uint8_t b : endpoint.address) writer.number(b);
  writer.number(endpoint.scope);
  writer.number(endpoint.port);
}

Endpoint get_endpoint(WireReader& reader) {
  Endpoint endpoint;
  endpoint.ipv6 = reader.number<std::uint8_t>() != 0;
  for (std::uint8_t& b : endpoint.address) b = reader.number<std::uint8_t>();
  endpoint.scope = reader.number<std::uint32_t>();
  endpoint.port = reader.number<std::uint16_t>();
  return endpoint;
}

void put(WireWriter& writer, const Member& member) {
  writer.number(member.rank);
  put_text(writer, member.host);
  writer.number(member.process);
}

Member get_member(WireReader& reader) {
  Member member;
  member.rank = reader.number<Rank>();
  member.host = get_text(reader);
  member.process = reader.number<std::int32_t>();
  return member;
}

void put(WireWriter& writer, const ErrorInfo& info) {
  writer.number(static_cast<std::int32_t>(info.code));
  put_text(writer, info.text);
  put_text(writer, info.field);
  put_text(writer, info.name);
  put_text(writer, info.host);
  writer.number(info.rank);
  writer.number(info.peer);
  writer.number(info.operation);
  writer.number(info.step);
}

ErrorInfo get_error_info(WireReader& reader) {
  ErrorInfo info;
  const auto code = reader.number<std::int32_t>();
  info.code = code > 0 && code < strettoNumResults ? static_cast<strettoResult_t>(code) : strettoRemoteError;
  info.text = get_text(reader);
  info.field = get_text(reader);
  info.name = get_text(reader);
  info.host = get_text(reader);
  info.rank = reader.number<Rank>();
  info.peer = reader.number<Rank>();
  info.operation = reader.number<std::int64_t>();
  info.step = reader.number<std::int32_t>();
  return info;
}

void put(WireWriter& writer, const Waiting& waiting) {
  writer.number(waiting.rank);
  writer.number(waiting.operation);
  writer.number(waiting.tag.count);
  writer.number(waiting.tag.root);
  writer.number(waiting.tag.collective);
  writer.number(waiting.tag.datatype);
  writer.number(waiting.tag.red_op);
  writer.number(waiting.tag.flags);
  writer.number(waiting.tag.plan);
}

Waiting get_waiting(WireReader& reader) {
  Waiting waiting;
  waiting.rank = reader.number<Rank>();
  waiting.operation = reader.number<std::uint64_t>();
  waiting.tag.count = reader.number<std::uint64_t>();
  waiting.tag.operation = static_cast<std::uint32_t>(waiting.operation);
  waiting.tag.root = reader.number<std::int32_t>();
  waiting.tag.collective = reader.number<std::uint8_t>();
  waiting.tag.datatype = reader.number<std::uint8_t>();
  waiting.tag.red_op = reader.number<std::uint8_t>();
  waiting.tag.flags = reader.number<std::uint8_t>();
  waiting.tag.plan = reader.number<std::uint32_t>();
  return waiting;
}

}  // namespace stretto
