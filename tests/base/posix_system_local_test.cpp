// The real System: local sockets, shared memory and its passage.
#include "base/descriptors.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/system.hpp"

namespace stretto {
namespace {

std::string unique_name() {
  static int n = 0;
  return "stretto-test-" + std::to_string(getpid()) + "-" + std::to_string(n++);
}

struct Pair {
  Handle listener, client, server;
};

Pair connect_pair() {
  System& system = posix_system();
  const std::string name = unique_name();
  Pair pair;
  pair.listener = system.listen_local(name);
  pair.client = system.connect_local(name);
  int os_error = 0;
  EXPECT_EQ(system.connect_status(pair.client.id(), os_error), ConnectStatus::connected);
  pair.server = system.accept(pair.listener.id());
  EXPECT_TRUE(pair.server);
  return pair;
}

/// Sends `descriptors` in one message, as a hostile or broken peer could.
void send_raw(int socket, const std::vector<int>& descriptors) {
  char payload = 0;
  iovec part{&payload, 1};
  std::vector<std::uint64_t> control(8);
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size() * sizeof(int));
  }
  ASSERT_EQ(sendmsg(socket, &message, 0), 1);
}

TEST(PosixSystemLocal, MemoryPassed_IsTheSameMemoryOnBothSides) {
  System& system = posix_system();
  Pair pair = connect_pair();
  const Handle mine = system.create_memory(1 << 16, "test");
  Handle theirs;
  EXPECT_EQ(system.receive_memory(pair.server.id(), theirs).status, IoStatus::would_block);
  EXPECT_EQ(system.send_memory(pair.client.id(), mine.id()).status, IoStatus::ok);
  ASSERT_EQ(system.receive_memory(pair.server.id(), theirs).status, IoStatus::ok);
  ASSERT_NE(theirs.id(), mine.id());
  EXPECT_NE(fcntl(theirs.id(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(system.memory_bytes(theirs.id()), std::size_t{1} << 16);
  const Mapping a = system.map_memory(mine.id(), 1 << 16);
  const Mapping b = system.map_memory(theirs.id(), 1 << 16);
  EXPECT_EQ(b.data()[12345], std::byte{0});
  a.data()[12345] = std::byte{7};
  EXPECT_EQ(b.data()[12345], std::byte{7});
}

TEST(PosixSystemLocal, PeerCredentials_NameTheOtherProcess) {
  System& system = posix_system();
  const std::string name = unique_name();
  const Handle listener = system.listen_local(name);
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const Handle client = system.connect_local(name);
    char byte = 0;
    close(pipe_ends[1]);
    [[maybe_unused]] const ssize_t n = read(pipe_ends[0], &byte, 1);  // until the parent has looked, or died
    _exit(0);
  }
  close(pipe_ends[0]);
  Handle server;
  for (const std::int64_t end_ns = system.now_ns() + 5'000'000'000; !server && system.now_ns() < end_ns;)
    server = system.accept(listener.id());
  ASSERT_TRUE(server);
  const PeerCredentials credentials = system.peer_credentials(server.id());
  EXPECT_EQ(credentials.process, child);
  EXPECT_EQ(credentials.user, geteuid());
  close(pipe_ends[1]);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

TEST(PosixSystemLocal, MessageWithoutOrWithTooManyDescriptors_IsRefusedAndLeaksNothing) {
  System& system = posix_system();
  Pair pair = connect_pair();
  const Handle memory = system.create_memory(4096, "test");
  const int before = test::count_descriptors();
  for (const std::size_t n : {0U, 2U, 3U, 5U}) {
    send_raw(pair.client.id(), std::vector<int>(n, memory.id()));
    Handle received;
    const IoResult result = system.receive_memory(pair.server.id(), received);
    EXPECT_EQ(result.status, IoStatus::failed) << n;
    EXPECT_FALSE(received) << n;
    EXPECT_EQ(test::count_descriptors(), before) << n;
  }
  send_raw(pair.client.id(), {memory.id()});  // to a plain receive: the kernel drops it
  std::array<std::byte, 4> buffer{};
  EXPECT_EQ(system.receive(pair.server.id(), buffer).bytes, 1U);
  EXPECT_EQ(test::count_descriptors(), before);
}

TEST(PosixSystemLocal, NoDescriptorLeftForReceivedMemory_ThrowsWithRemedy) {
  System& system = posix_system();
  Pair pair = connect_pair();
  const Handle memory = system.create_memory(4096, "test");
  ASSERT_EQ(system.send_memory(pair.client.id(), memory.id()).status, IoStatus::ok);
  Handle received;
  std::string text;
  try {
    const test::ScarceDescriptors scarce(0);
    system.receive_memory(pair.server.id(), received);
  } catch (const Error& error) {
    text = error.what();
  }
  EXPECT_NE(text.find("ulimit -n"), std::string::npos) << text;
  EXPECT_FALSE(received);
}

TEST(PosixSystemLocal, CreatedMemory_CannotBeResizedByAnyone) {
  const Handle memory = posix_system().create_memory(8192, "test");
  EXPECT_NE(ftruncate(memory.id(), 4096), 0);
  EXPECT_NE(ftruncate(memory.id(), 16384), 0);
}

TEST(PosixSystemLocal, MemoryThatCouldShrinkOrIsTooSmallOrIsNoMemory_IsNotMapped) {
  System& system = posix_system();
  const int unsealed = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  ASSERT_EQ(ftruncate(unsealed, 8192), 0);
  EXPECT_THROW(system.map_memory(unsealed, 8192), Error);
  close(unsealed);
  const Handle memory = system.create_memory(8192, "test");
  EXPECT_THROW(system.map_memory(memory.id(), 8193), Error);
  EXPECT_THROW(system.map_memory(memory.id(), 0), Error);
  const Handle socket = system.listen_local(unique_name());
  EXPECT_THROW(system.map_memory(socket.id(), 1), Error);
}

TEST(PosixSystemLocal, ImpossibleSizes_ThrowSystemErrorAndLeakNothing) {
  System& system = posix_system();
  const int before = test::count_descriptors();
  EXPECT_THROW(system.create_memory(0, "test"), Error);
  EXPECT_THROW(system.create_memory(SIZE_MAX, "test"), Error);
  EXPECT_EQ(test::count_descriptors(), before);
}

TEST(PosixSystemLocal, NobodyListens_ConnectStatusFails) {
  System& system = posix_system();
  const Handle client = system.connect_local(unique_name());
  int os_error = 0;
  EXPECT_EQ(system.connect_status(client.id(), os_error), ConnectStatus::failed);
  EXPECT_EQ(os_error, ECONNREFUSED);
}

TEST(PosixSystemLocal, BacklogFull_ConnectStaysPendingUntilThereIsRoom) {
  System& system = posix_system();
  const std::string name = unique_name();
  const Handle listener = system.listen_local(name);
  ASSERT_EQ(listen(listener.id(), 0), 0);  // room for one
  const Handle first = system.connect_local(name);
  const Handle second = system.connect_local(name);
  int os_error = 0;
  EXPECT_EQ(system.connect_status(first.id(), os_error), ConnectStatus::connected);
  EXPECT_EQ(system.connect_status(second.id(), os_error), ConnectStatus::pending);
  EXPECT_TRUE(system.accept(listener.id()));
  EXPECT_EQ(system.connect_status(second.id(), os_error), ConnectStatus::connected);
  EXPECT_TRUE(system.accept(listener.id()));
}

TEST(PosixSystemLocal, NameTakenOrTooLongOrEmpty_Throws) {
  System& system = posix_system();
  const std::string name = unique_name();
  const Handle listener = system.listen_local(name);
  EXPECT_THROW(system.listen_local(name), Error);
  EXPECT_THROW(system.listen_local(std::string(108, 'x')), Error);
  EXPECT_THROW(system.listen_local(""), Error);
  EXPECT_NO_THROW(system.listen_local(unique_name() + std::string(60, 'x')));
}

}  // namespace
}  // namespace stretto
