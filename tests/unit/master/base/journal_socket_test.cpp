// SPDX-License-Identifier: MIT
#include "master/base/journal_socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "base/address.hpp"
#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

UniqueFd bind_to(const std::string& path, int type) {
  UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const Address address = parse_address(path).value();
  EXPECT_EQ(bind(fd.get(), address.get(), address.length), 0);
  return fd;
}

std::string read_from(int fd) {
  std::array<char, 4096> bytes{};
  const ssize_t size = read(fd, bytes.data(), bytes.size());
  return size > 0 ? std::string(bytes.data(), static_cast<std::size_t>(size)) : "";
}

std::string entry_of(const char* name, const std::string& value) {
  std::string entry;
  JournalSocket::add_field(entry, name, value);
  return entry;
}

TEST(JournalSocket, writes_fields_as_journald_reads_them) {
  EXPECT_EQ(entry_of("A", "b=c"), "A=b=c\n");
  EXPECT_EQ(entry_of("A", ""), "A=\n");
  EXPECT_EQ(entry_of("A", "b\nc"), std::string("A\n\3\0\0\0\0\0\0\0b\nc\n", 14));
  EXPECT_EQ(entry_of("A", std::string(70'000, '\n')).substr(0, 10), std::string("A\n\0\300\0\0\0\0\0\0", 10));
}

TEST(JournalSocket, sends_each_entry_in_one_message_to_whoever_has_the_path) {
  const TempFolder folder;
  JournalSocket journal(folder.path("socket"));
  EXPECT_FALSE(journal.send("A=b\n"));
  for (const char* entry : {"MESSAGE=one\n", "MESSAGE=two\n"}) {
    unlink(folder.path("socket").c_str());
    const UniqueFd journald = bind_to(folder.path("socket"), SOCK_DGRAM);
    EXPECT_TRUE(journal.send(entry));
    EXPECT_EQ(read_from(journald.get()), entry);
  }
}

TEST(JournalSocket, does_not_wait_for_a_journald_that_does_not_read) {
  const TempFolder folder;
  const UniqueFd journald = bind_to(folder.path("socket"), SOCK_DGRAM);
  JournalSocket journal(folder.path("socket"));
  while (journal.send("A=b\n")) continue;
  EXPECT_EQ(read_from(journald.get()), "A=b\n");
  EXPECT_TRUE(journal.send("A=b\n"));
}

TEST(JournalSocket, opens_a_stream_that_blocks_its_writer_as_a_program_expects) {
  const TempFolder folder;
  const UniqueFd journald = bind_to(folder.path("stdout"), SOCK_STREAM);
  ASSERT_EQ(listen(journald.get(), 1), 0);
  const UniqueFd stream = open_journal_stream("echo[0]", folder.path("stdout"));
  ASSERT_TRUE(stream);
  EXPECT_EQ(fcntl(stream.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(fcntl(stream.get(), F_GETFD), FD_CLOEXEC);
  const UniqueFd peer(accept4(journald.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(read_from(peer.get()), "echo[0]\n\n6\n1\n0\n0\n0\n");
}

TEST(JournalSocket, does_not_wait_for_a_journald_that_does_not_accept) {
  const TempFolder folder;
  EXPECT_FALSE(open_journal_stream("echo[0]", folder.path("stdout")));
  const UniqueFd journald = bind_to(folder.path("stdout"), SOCK_STREAM);
  ASSERT_EQ(listen(journald.get(), 0), 0);
  const UniqueFd first = open_journal_stream("echo[0]", folder.path("stdout"));
  EXPECT_TRUE(first);
  EXPECT_FALSE(open_journal_stream("echo[0]", folder.path("stdout")));
}

}  // namespace
}  // namespace preforkd
