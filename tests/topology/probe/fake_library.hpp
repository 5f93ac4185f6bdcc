// A made-up library, from where the probe loads it, with what it says: as new when this object begins.
#pragma once

#include <dlfcn.h>

#include <stdexcept>

namespace stretto::test {

template <class State>
class FakeLibrary {
 public:
  /// @param state_function of the library, which gives its State
  FakeLibrary(const char* file, const char* state_function) : library_(dlopen(file, RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr) throw std::runtime_error(dlerror());
    state_ = reinterpret_cast<State* (*)()>(dlsym(library_, state_function))();
    *state_ = State{};
  }
  FakeLibrary(const FakeLibrary&) = delete;
  FakeLibrary& operator=(const FakeLibrary&) = delete;
  ~FakeLibrary() { dlclose(library_); }

  State& state() { return *state_; }

 private:
  void* library_;
  State* state_;
};

}  // namespace stretto::test
