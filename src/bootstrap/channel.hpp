// One stream socket as a sequence of frames, sealed once a handshake has agreed on keys. Non-blocking: pump() moves
// what can be moved. Knows nothing of what the frames mean.
//
// On the wire a frame is its length (4 bytes, little endian), then its body. A sealed body is encrypted and
// authenticated (ChaCha20-Poly1305) with a key of its direction and connection and the frame's number as nonce, so
// that a frame can be neither read, forged, replayed, dropped nor reordered by who lacks the id's key.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/system.hpp"
#include "bootstrap/unique_id.hpp"

namespace stretto {

inline constexpr std::size_t stranger_frame_bytes_max = 512;
inline constexpr std::size_t member_frame_bytes_max = std::size_t{64} << 20;

class Channel {
 public:
  Channel() = default;
  Channel(System& system, Handle socket) : system_(&system), socket_(std::move(socket)) {}
  Channel(Channel&& other) noexcept = default;
  Channel& operator=(Channel&& other) noexcept = default;
  ~Channel();

  /// Receives what has come, sends what can go. Take all frames afterwards: no socket tells of those again.
  void pump();
  /// Only sends what can go.
  void flush();
  /// Queues a frame; does not move it. Ignored once ended().
  void send(std::span<const std::byte> body);
  /// The next whole frame's body, in the order sent. Frames that came before the end are still given after it.
  std::optional<std::vector<std::byte>> take_frame();
  /// From the next frame on in each direction; also lifts the frame limit to that of members.
  void seal(const Key& send_key, const Key& receive_key);

  /// True when nothing more will come: the peer closed, or sent what no member sends, or the system failed.
  bool ended() const { return !socket_ && !has_frame(); }
  /// Why, if it was not an orderly end of the stream; "" otherwise.
  const std::string& failure() const { return failure_; }
  bool flushed() const { return out_.empty(); }
  std::uint64_t bytes_received() const { return bytes_received_; }
  std::uint64_t bytes_sent() const { return bytes_sent_; }
  int socket() const { return socket_.id(); }

  /// Registers the socket; calls the set only if something changed since the last call, unless `anew`.
  void watch(WaitSet& waits, bool anew = false);
  /// For a channel that nobody reads now: only what is still to be sent wakes the thread. What has come or will come
  /// would do so at once and for ever.
  void watch_writes(WaitSet& waits);
  void close();

 private:
  static constexpr std::size_t header_bytes = 4;

  void receive_some();
  void send_some();
  void fail(std::string why);
  std::size_t buffered_bytes() const { return in_.size() - in_taken_; }
  /// The length that the next frame announces; nullopt if its header has not come.
  std::optional<std::size_t> announced_bytes() const;
  bool has_frame() const;

  System* system_ = nullptr;
  Handle socket_;
  std::string failure_;
  std::vector<std::byte> in_;  ///< grows as bytes arrive, never by what a header announces
  std::size_t in_taken_ = 0;
  std::vector<std::byte> out_;
  std::size_t out_sent_ = 0;
  std::size_t frame_bytes_max_ = stranger_frame_bytes_max;
  std::uint64_t bytes_received_ = 0;
  std::uint64_t bytes_sent_ = 0;
  bool sealed_ = false;
  Key send_key_{};
  Key receive_key_{};
  std::uint64_t frames_sent_ = 0;      ///< since seal()
  std::uint64_t frames_received_ = 0;  ///< since seal()
  void register_for(WaitSet& waits, std::uint8_t events, bool anew);

  const WaitSet* watched_by_ = nullptr;
  std::uint8_t watched_events_ = 0;
};

}  // namespace stretto
