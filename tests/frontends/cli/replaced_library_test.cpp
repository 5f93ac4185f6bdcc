// What is read from the loader's cache, whatever is in it.
#include "frontends/cli/replaced_library.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace stretto::cli {
namespace {

template <typename T>
void append(std::string& text, T value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// With two entries: libm.so.6 and libnccl.so.2.
std::string cache_text() {
  const std::string strings =
      std::string("libm.so.6") + '\0' + "/lib/libm.so.6" + '\0' + "libnccl.so.2" + '\0' + "/opt/libnccl.so.2" + '\0';
  constexpr std::uint32_t kStart = 48 + 2 * 24;
  std::string text = "glibc-ld.so.cache1.1";
  append(text, std::uint32_t{2});
  append(text, static_cast<std::uint32_t>(strings.size()));
  for (int i = 0; i < 5; ++i) append(text, std::uint32_t{0});
  for (const auto& [key, value] : {std::pair{0U, 10U}, std::pair{25U, 38U}}) {
    append(text, std::int32_t{0x303});
    append(text, kStart + key);
    append(text, kStart + value);
    append(text, std::uint32_t{0});
    append(text, std::uint64_t{0});
  }
  return text + strings;
}

TEST(LoaderCache, EntryIsThere_GivesItsPath) {
  EXPECT_EQ(path_in_loader_cache(cache_text(), "libnccl.so.2"), "/opt/libnccl.so.2");
  EXPECT_EQ(path_in_loader_cache("ld.so-1.7.0 an older cache" + cache_text(), "libm.so.6"), "/lib/libm.so.6");
}

TEST(LoaderCache, EntryIsNot_GivesNothing) {
  EXPECT_EQ(path_in_loader_cache(cache_text(), "libnccl.so"), "");
  EXPECT_EQ(path_in_loader_cache("", "libnccl.so.2"), "");
}

TEST(LoaderCache, CutOrWild_IsReadWithinItsBounds) {
  const std::string whole = cache_text();
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const std::string path = path_in_loader_cache(std::string(whole, 0, n), "libnccl.so.2");
    EXPECT_TRUE(std::string("/opt/libnccl.so.2").starts_with(path)) << n;
  }
  for (std::size_t at = 20; at + 4 <= 96; at += 4) {
    std::string wild = whole;
    std::memset(wild.data() + at, 0xff, 4);
    path_in_loader_cache(wild, "libnccl.so.2");
  }
}

}  // namespace
}  // namespace stretto::cli
