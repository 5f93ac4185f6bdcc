// One rank's part of a random call: its buffers between guards, the call itself, and the check of everything that it
// may and may not have written.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "random/layout.hpp"

namespace stretto::script {

/// A buffer of random alignment within poisoned memory.
class GuardedBuffer {
 public:
  GuardedBuffer(std::size_t bytes, Random& own);

  std::byte* data() { return memory_.data() + begin_; }
  std::size_t bytes() const { return bytes_; }
  /// What the memory should hold, guards included: from now on as it is.
  void remember() { image_ = memory_; }
  std::byte* image() { return image_.data() + begin_; }
  /// Empty, or where memory is not what it should be.
  std::string difference() const;

 private:
  std::vector<std::byte> memory_;
  std::vector<std::byte> image_;
  std::size_t begin_;
  std::size_t bytes_;
};

class Job {
 public:
  /// `own_seed` decides how this rank makes the call.
  Job(Call call, int rank, std::uint64_t own_seed);

  /// `in_group`: one is open. An error is the call's.
  strettoResult_t issue(strettoComm_t comm, strettoStream_t stream, bool in_group);
  /// Once it has ended: empty, or what is wrong.
  std::string verify();

  const Call& call() const { return call_; }
  std::size_t bytes() const { return send_.bytes() + (receive_ ? receive_->bytes() : 0); }
  std::string text() const;

 private:
  std::byte* place(const Piece& piece, bool sends);
  std::size_t byte_place(const Piece& piece, bool sends) const;
  const void* send_pointer();
  void* receive_pointer();
  void fill_inputs();
  strettoResult_t make_op(strettoComm_t comm, strettoRedOp_t& op);
  strettoResult_t issue_collective(strettoComm_t comm, strettoStream_t stream, strettoRedOp_t op);
  strettoResult_t issue_v(strettoComm_t comm, strettoStream_t stream, strettoRedOp_t op);
  strettoResult_t issue_messages(strettoComm_t comm, strettoStream_t stream, bool in_group);
  strettoResult_t issue_message(const Piece& piece, bool sends, strettoComm_t comm, strettoStream_t stream);
  std::vector<std::pair<const Piece*, bool>> order_of_messages(bool any_order);
  std::string verify_piece(const Piece& piece);

  Call call_;
  int rank_;
  Random own_;
  Layout layout_;
  bool in_place_;
  GuardedBuffer send_;                    ///< in place: the only one
  std::optional<GuardedBuffer> receive_;  ///< not in place
  std::vector<std::byte> scalar_;
};

}  // namespace stretto::script
