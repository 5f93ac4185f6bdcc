// Text forms of internet endpoints. Names are never resolved here.
#include <arpa/inet.h>
#include <net/if.h>

#include <charconv>
#include <cstring>
#include <string_view>

#include "base/system.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

/// A whole decimal number no greater than `limit`.
std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t limit) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > limit) return std::nullopt;
  return value;
}

bool set_port(Endpoint& endpoint, std::string_view text) {
  const auto port = parse_number(text, 65535);
  if (port) endpoint.port = static_cast<std::uint16_t>(*port);
  return port.has_value();
}

/// The interface behind the % of a link-local address: a name of this host, or an index.
bool set_scope(Endpoint& endpoint, std::string_view text) {
  if (const auto index = parse_number(text, UINT32_MAX)) {
    endpoint.scope = *index;
    return *index != 0;
  }
  endpoint.scope = if_nametoindex(std::string(text).c_str());
  return endpoint.scope != 0;
}

bool set_ipv6(Endpoint& endpoint, std::string_view text) {
  endpoint.ipv6 = true;
  const auto percent = text.find('%');
  if (percent != std::string_view::npos && !set_scope(endpoint, text.substr(percent + 1))) return false;
  return inet_pton(AF_INET6, std::string(text.substr(0, percent)).c_str(), endpoint.address.data()) == 1;
}

bool set_ipv4(Endpoint& endpoint, std::string_view text) {
  return inet_pton(AF_INET, std::string(text).c_str(), endpoint.address.data()) == 1;
}

}  // namespace

std::string to_string(const Endpoint& endpoint) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(endpoint.ipv6 ? AF_INET6 : AF_INET, endpoint.address.data(), text, sizeof(text));
  if (!endpoint.ipv6) return format("{}:{}", text, endpoint.port);
  // The index, not the name: it parses back even if the interface has gone or is renamed.
  if (endpoint.scope != 0) return format("[{}%{}]:{}", text, endpoint.scope, endpoint.port);
  return format("[{}]:{}", text, endpoint.port);
}

std::optional<Endpoint> parse_endpoint(const std::string& text) {
  if (text.find('\0') != std::string::npos) return std::nullopt;
  const std::string_view view = text;
  Endpoint endpoint;
  if (view.starts_with('[')) {
    const auto bracket = view.find(']');
    if (bracket == std::string_view::npos || !set_ipv6(endpoint, view.substr(1, bracket - 1))) return std::nullopt;
    const std::string_view rest = view.substr(bracket + 1);
    if (rest.empty()) return endpoint;
    if (rest.front() != ':' || !set_port(endpoint, rest.substr(1))) return std::nullopt;
    return endpoint;
  }
  const auto colon = view.find(':');
  if (colon != std::string_view::npos && view.find(':', colon + 1) != std::string_view::npos) {
    if (!set_ipv6(endpoint, view)) return std::nullopt;  // without brackets there is no room for a port
    return endpoint;
  }
  if (!set_ipv4(endpoint, view.substr(0, colon))) return std::nullopt;
  if (colon != std::string_view::npos && !set_port(endpoint, view.substr(colon + 1))) return std::nullopt;
  return endpoint;
}

}  // namespace stretto
