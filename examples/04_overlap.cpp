// Communication beside computation, on the host. A rank's thread computes gradients piece by piece; one stream reduces
// each piece as soon as it is there, a second applies it as soon as it is reduced, and the thread waits for neither.
// Build: c++ -std=c++17 04_overlap.cpp $(pkg-config --cflags --libs stretto) -pthread -o 04_overlap
#include <cstdio>
#include <stretto/stretto.hpp>
#include <thread>
#include <vector>

constexpr int kRanks = 2;
constexpr std::size_t kPieces = 8, kCount = 1 << 14;

struct Piece {
  std::vector<float> gradients = std::vector<float>(kCount), weights = std::vector<float>(kCount);
};

/// Buffers stand before the streams: those are destroyed first, which waits for what still uses the buffers.
struct Training {
  float loss = 1, steps = 1;
  std::vector<Piece> pieces = std::vector<Piece>(kPieces);
  strettoStream_t reducing = nullptr, applying = nullptr;
  strettoEvent_t reduced = nullptr;
  ~Training() {
    strettoStreamDestroy(applying);
    strettoStreamDestroy(reducing);
    strettoEventDestroy(reduced);
  }
};

/// Runs in the stream's thread. It must not throw, nor call what waits.
static void apply(void* context) {
  Piece& piece = *static_cast<Piece*>(context);
  for (std::size_t i = 0; i < kCount; ++i) piece.weights[i] -= piece.gradients[i];
}

static void train(Training& my, const stretto::Communicator& comm) {
  stretto::check(strettoStreamCreate(&my.reducing));
  stretto::check(strettoStreamCreate(&my.applying));
  stretto::check(strettoEventCreate(&my.reduced));
  for (Piece& piece : my.pieces) {
    for (float& gradient : piece.gradients) gradient = static_cast<float>(comm.rank() + 1);  // a backward pass
    // Returns at once: the piece is the stream's now. What is wrong with the arguments is this call's error.
    comm.all_reduce(piece.gradients.data(), piece.gradients.data(), kCount, strettoSum, my.reducing);
    // The second stream goes on when the first has come to here. The event may be recorded again at once.
    stretto::check(strettoEventRecord(my.reduced, my.reducing));
    stretto::check(strettoStreamWaitEvent(my.applying, my.reduced));
    stretto::check(strettoStreamLaunchHostFunc(my.applying, apply, &piece));
  }
  stretto::Group group;  // small calls that are issued as one take little longer than one of them
  comm.all_reduce(&my.loss, &my.loss, 1, strettoSum, my.reducing);
  comm.all_reduce(&my.steps, &my.steps, 1, strettoSum, my.reducing);
  group.end();
  // Now the results are needed. The first error of the stream's operations, if there is one, comes out here.
  stretto::check(strettoStreamSynchronize(my.reducing), comm.handle());
  stretto::check(strettoStreamSynchronize(my.applying));
}

static bool run(const stretto::Communicator& comm) {
  Training my;
  try {
    train(my, comm);
  } catch (const stretto::Exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    strettoCommAbort(comm.handle());  // nobody need wait until a deadline: neither the streams nor the other rank
    return false;
  }
  bool right = my.loss == kRanks && my.steps == kRanks;
  for (const Piece& piece : my.pieces) right = right && piece.weights.back() == -0.5F * kRanks * (kRanks + 1);
  std::printf("rank %d: the weights are %s\n", comm.rank(), right ? "right" : "wrong");
  return right;
}

int main() {
  std::vector<stretto::Communicator> comms = stretto::Communicator::all(kRanks);  // one process, for brevity
  bool other = false;
  std::thread thread([&] { other = run(comms[1]); });
  const bool own = run(comms[0]);
  thread.join();
  return own && other ? 0 : 1;
}
