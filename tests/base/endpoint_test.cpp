// Text forms of endpoints.
#include <gtest/gtest.h>

#include "base/system.hpp"

namespace stretto {
namespace {

TEST(Endpoint, TextOfEachForm_ParsesBackToTheSame) {
  for (const char* text :
       {"127.0.0.1:4000", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:4000", "[2001:db8::7]:1", "[fe80::1%3]:99"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(to_string(*endpoint), text);
    EXPECT_EQ(parse_endpoint(to_string(*endpoint)), endpoint);
  }
}

TEST(Endpoint, PortLeftOut_IsZero) {
  EXPECT_EQ(parse_endpoint("10.1.2.3"), parse_endpoint("10.1.2.3:0"));
  EXPECT_EQ(parse_endpoint("[::1]"), parse_endpoint("[::1]:0"));
  EXPECT_EQ(parse_endpoint("::1"), parse_endpoint("[::1]:0"));
}

TEST(Endpoint, InterfaceName_BecomesItsIndex) {
  const auto endpoint = parse_endpoint("[fe80::1%lo]:5");
  ASSERT_TRUE(endpoint);
  EXPECT_NE(endpoint->scope, 0U);
}

TEST(Endpoint, TextThatIsNoEndpoint_IsRefused) {
  for (const char* text : {"",
                           ":",
                           ":80",
                           "host:80",
                           "1.2.3:80",
                           "1.2.3.4.5:80",
                           "1.2.3.4:",
                           "1.2.3.4:65536",
                           "1.2.3.4:-1",
                           "1.2.3.4:+1",
                           "1.2.3.4: 80",
                           "1.2.3.4:8x",
                           "[::1",
                           "::1]",
                           "[::1]80",
                           "[::1]:",
                           "[]:80",
                           "[1.2.3.4]:80",
                           "[::g]:80",
                           "[fe80::1%]:80",
                           "[fe80::1%no-such-interface]:80",
                           "1:2:3"}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
  EXPECT_FALSE(parse_endpoint(std::string("1.2.3.4\0", 8)));
}

}  // namespace
}  // namespace stretto
