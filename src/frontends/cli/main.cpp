// `stretto`: its exit status is 0, 1 for what failed, 2 for arguments that are wrong.
#include <cstdio>
#include <exception>

#include "base/error.hpp"
#include "frontends/cli/commands.hpp"

constexpr int kFailed = 1;

int main(int argc, char** argv) {
  try {
    return stretto::cli::run(argc, argv);
  } catch (const stretto::Error& error) {
    std::fprintf(stderr, "stretto: %s\n", error.what());
    return error.info().code == strettoInvalidArgument ? stretto::cli::kBadArguments : kFailed;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stretto: %s\n", error.what());
    return kFailed;
  }
}
