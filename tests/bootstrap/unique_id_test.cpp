// Unique ids: what goes in comes out, and nothing else is taken for an id.
#include "bootstrap/unique_id.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "base/error.hpp"
#include "bootstrap/bootstrap.hpp"

namespace stretto {
namespace {

IdContents sample(std::size_t n_endpoints) {
  IdContents contents;
  posix_system().fill_random(contents.key);
  contents.endpoints = {*parse_endpoint("10.1.2.3:4000"), *parse_endpoint("[fe80::1234%7]:65535")};
  contents.endpoints.resize(n_endpoints);
  return contents;
}

bool is_id(const strettoUniqueId& id) {
  try {
    decode_id(id);
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.info().code, strettoInvalidArgument);
    EXPECT_EQ(error.info().field, "id");
    return false;
  }
}

TEST(UniqueId, EncodedContents_ComeBack) {
  for (const std::size_t n_endpoints : {1U, 2U}) {
    const IdContents contents = sample(n_endpoints);
    const strettoUniqueId id = encode_id(contents);
    EXPECT_EQ(decode_id(id).key, contents.key);
    EXPECT_EQ(decode_id(id).endpoints, contents.endpoints);
    EXPECT_EQ(key_of(id), contents.key);
  }
}

TEST(UniqueId, AnyBitFlipped_IsRefused) {
  const strettoUniqueId id = encode_id(sample(2));
  for (std::size_t bit = 0; bit < sizeof(id) * 8; ++bit) {
    strettoUniqueId changed = id;
    changed.internal[bit / 8] = static_cast<char>(changed.internal[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(is_id(changed)) << "bit " << bit;
  }
}

TEST(UniqueId, OfAName_ComesBackAndIsNoneWithAnAddress) {
  Key digest{};
  posix_system().fill_random(digest);
  const strettoUniqueId id = encode_named_id(digest);
  EXPECT_EQ(digest_of_named_id(id), digest);
  EXPECT_FALSE(is_id(id));
  EXPECT_EQ(digest_of_named_id(encode_id(sample(1))), std::nullopt);
  EXPECT_EQ(digest_of_named_id(strettoUniqueId{}), std::nullopt);
  for (std::size_t bit = 0; bit < sizeof(id) * 8; ++bit) {
    strettoUniqueId changed = id;
    changed.internal[bit / 8] = static_cast<char>(changed.internal[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(digest_of_named_id(changed), std::nullopt) << "bit " << bit;
  }
}

TEST(UniqueId, ZeroesOrRandomBytes_AreRefused) {
  strettoUniqueId id{};
  EXPECT_FALSE(is_id(id));
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) {
    for (char& c : id.internal) c = static_cast<char>(random());
    EXPECT_FALSE(is_id(id));
  }
}

}  // namespace
}  // namespace stretto
