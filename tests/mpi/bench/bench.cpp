#include "bench.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <sstream>

#include "operation.hpp"

namespace stretto::bench {
namespace {

constexpr std::array kNames{"all_reduce", "all_gather", "all_gather_v", "reduce_scatter", "reduce_scatter_v",
                            "broadcast",  "reduce",     "all_to_all",   "all_to_all_v",   "gather",
                            "scatter",    "send_recv",  "barrier"};

/// Pages of their own, touched.
class Buffer {
 public:
  explicit Buffer(std::size_t elements) : bytes_(std::max<std::size_t>(1, elements) * sizeof(float)) {
    void* const memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<float*>(memory);
    std::fill_n(data_, bytes_ / sizeof(float), -1.0F);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { munmap(data_, bytes_); }
  float* data() const { return data_; }

 private:
  std::size_t bytes_;
  float* data_;
};

using Clock = std::chrono::steady_clock;

double mean_seconds(const std::function<void()>& body, int iterations) {
  const auto start = Clock::now();
  for (int i = 0; i < iterations; ++i) body();
  return std::chrono::duration<double>(Clock::now() - start).count() / iterations;
}

double mean_seconds_apart(Library& library, const std::function<void()>& body, int iterations) {
  Clock::duration sum{};
  for (int i = 0; i < iterations; ++i) {
    library.largest(0);
    const auto start = Clock::now();
    body();
    sum += Clock::now() - start;
  }
  return std::chrono::duration<double>(sum).count() / iterations;
}

/// All ranks come to the same number.
int iterations_for(Library& library, const std::function<void()>& body, double seconds) {
  double estimate = 0;
  for (const int iterations : {1, 5, 50}) {
    library.largest(0);
    estimate = std::max(1e-8, library.largest(mean_seconds(body, iterations)));
    if (estimate * iterations > seconds / 10) break;
  }
  return static_cast<int>(std::clamp(seconds / estimate, 10.0, 20000.0));
}

/// Whether all ranks got what they should; prints the figure.
bool measure(Library& library, Collective collective, std::size_t bytes, double seconds, bool apart) {
  Operation operation = make_operation(collective, bytes, library.rank(), library.n_ranks());
  const Buffer send(operation.send_elements);
  const Buffer receive(operation.receive_elements);
  operation.send = send.data();
  operation.receive = receive.data();
  for (std::size_t i = 0; i < operation.send_elements; ++i) send.data()[i] = input(operation.rank, i);
  const std::function<void()> body = library.prepare(operation);
  body();
  const bool right = first_wrong(operation) == operation.receive_elements;
  if (!right) {
    std::fprintf(stderr, "rank %d: %s of %zu bytes: element %zu is wrong\n", operation.rank, name_of(collective), bytes,
                 first_wrong(operation));
  }
  if (library.largest(right ? 0 : 1) != 0) return false;
  const int iterations = iterations_for(library, body, seconds);
  for (int i = 0; i < iterations / 10; ++i) body();
  library.largest(0);
  const double own = apart ? mean_seconds_apart(library, body, iterations) : mean_seconds(body, iterations);
  const double mean = library.largest(own);
  if (library.rank() == 0) std::printf("%s %zu %.3f %d\n", name_of(collective), bytes, mean * 1e6, iterations);
  return true;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

/// No collective of that name: nothing is appended.
void append(std::vector<Collective>& collectives, const std::string& name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i] || name == "all") collectives.push_back(static_cast<Collective>(i));
  }
}

}  // namespace

const char* name_of(Collective collective) { return kNames.at(static_cast<std::size_t>(collective)); }

int run(Library& library, const std::vector<std::string>& arguments) {
  std::vector<Collective> collectives;
  std::vector<std::size_t> sizes;
  double seconds = 0;
  const bool apart = arguments.size() == 4 && arguments[3] == "apart";
  if (arguments.size() == 3 || apart) {
    for (const std::string& name : split(arguments[0])) append(collectives, name);
    for (const std::string& size : split(arguments[1])) sizes.push_back(std::strtoull(size.c_str(), nullptr, 10));
    seconds = std::strtod(arguments[2].c_str(), nullptr);
  }
  if (collectives.empty() || sizes.empty() || !(seconds > 0)) {
    if (library.rank() == 0) std::fputs("arguments: COLLECTIVES SIZES SECONDS [apart]; see bench.hpp\n", stderr);
    return 2;
  }
  for (const Collective collective : collectives) {
    for (const std::size_t bytes : sizes) {
      if (!measure(library, collective, bytes, seconds, apart)) return 1;
      if (collective == Collective::barrier) break;  // has no size
    }
  }
  std::fflush(stdout);
  return 0;
}

}  // namespace stretto::bench
