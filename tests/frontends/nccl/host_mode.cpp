// Linked into tests whose communicators are to be of host memory: the library asks for this once in a process.
#include <cstdlib>

namespace {

[[maybe_unused]] const int asked = setenv("STRETTO_TEST_NCCL_HOST", "1", 1);

}  // namespace
