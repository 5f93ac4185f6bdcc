#include "base/system.hpp"

namespace stretto {

void Handle::reset() {
  if (id_ >= 0) system_->close(std::exchange(id_, -1));
}

void Mapping::reset() {
  if (data_ != nullptr) system_->unmap(std::exchange(data_, nullptr), bytes_);
}

}  // namespace stretto
