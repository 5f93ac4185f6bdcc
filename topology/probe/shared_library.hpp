// A library that is loaded if it is there, for as long as this object lives.
#pragma once

#include <dlfcn.h>

#include <string>
#include <utility>

namespace stretto::topology {

class SharedLibrary {
 public:
  explicit SharedLibrary(const std::string& file) : handle_(::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {}
  SharedLibrary(const SharedLibrary&) = delete;
  SharedLibrary& operator=(const SharedLibrary&) = delete;
  ~SharedLibrary() {
    if (handle_ != nullptr) ::dlclose(handle_);
  }

  explicit operator bool() const { return handle_ != nullptr; }

  /// false: it has no such function.
  template <typename Function>
  bool find(const char* name, Function*& function) const {
    function = reinterpret_cast<Function*>(::dlsym(handle_, name));
    return function != nullptr;
  }

 private:
  void* handle_;
};

}  // namespace stretto::topology
