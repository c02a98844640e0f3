// SPDX-License-Identifier: MIT
#include "base/stderr_line.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>

#include "base/unique_fd.hpp"
#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

const std::string long_line = std::string(PIPE_BUF - 1, 'x') + '\n';
constexpr int more_than_anything_holds = 10'000;

// Each test gives this process another stderr. One that blocks is ended by ctest; one that raises SIGPIPE ends at once.
class StderrLineTest : public testing::Test {
 protected:
  StderrLineTest() : saved_(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {}
  ~StderrLineTest() override { dup2(saved_.get(), STDERR_FILENO); }

  static void become_stderr(UniqueFd fd) { ASSERT_EQ(dup2(fd.get(), STDERR_FILENO), STDERR_FILENO); }

  void use_pipe() {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    reader_.reset(ends[0]);
    become_stderr(UniqueFd(ends[1]));
    fcntl(reader_.get(), F_SETFL, O_NONBLOCK);
  }

  void use_socket() {
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    reader_.reset(ends[0]);
    become_stderr(UniqueFd(ends[1]));
    fcntl(reader_.get(), F_SETFL, O_NONBLOCK);
  }

  // The number of lines that were written before one was lost.
  static int fill() {
    for (int taken = 0; taken < more_than_anything_holds; ++taken) {
      if (!write_stderr_line(long_line)) return taken;
    }
    return more_than_anything_holds;
  }

  std::string take() {
    std::string all;
    std::array<char, 8192> bytes{};
    for (ssize_t size = 0; (size = read(reader_.get(), bytes.data(), bytes.size())) > 0;) {
      all.append(bytes.data(), static_cast<std::size_t>(size));
    }
    return all;
  }

  void expect_lines_until_full_and_again_after() {
    const int taken = fill();
    EXPECT_GT(taken, 0);
    EXPECT_LT(taken, more_than_anything_holds);
    EXPECT_EQ(take().size(), static_cast<std::size_t>(taken) * long_line.size());
    EXPECT_TRUE(write_stderr_line("again\n"));
    EXPECT_EQ(take(), "again\n");
  }

  UniqueFd saved_;
  UniqueFd reader_;
};

// While it exists, this process can't open another descriptor.
class NoFreeDescriptor {
 public:
  NoFreeDescriptor() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{3, before_.rlim_max};  // poll(2) accepts no more entries than that, so not 0
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoFreeDescriptor() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoFreeDescriptor(const NoFreeDescriptor&) = delete;
  NoFreeDescriptor& operator=(const NoFreeDescriptor&) = delete;

 private:
  rlimit before_{};
};

TEST_F(StderrLineTest, is_tried_a_full_pipe_and_taken_once_there_is_room) {
  use_pipe();
  expect_lines_until_full_and_again_after();
}

TEST_F(StderrLineTest, is_tried_a_full_socket_and_taken_once_there_is_room) {
  use_socket();
  expect_lines_until_full_and_again_after();
}

TEST_F(StderrLineTest, is_tried_a_full_pipe_also_without_a_free_descriptor) {
  use_pipe();
  const NoFreeDescriptor none;
  expect_lines_until_full_and_again_after();
}

// A terminal polls writable as long as it has any room, and a write that blocks waits for all of it.
TEST_F(StderrLineTest, is_tried_a_terminal_that_nobody_reads) {
  int screen = -1;
  int terminal = -1;
  ASSERT_EQ(openpty(&screen, &terminal, nullptr, nullptr, nullptr), 0);
  reader_.reset(screen);
  become_stderr(UniqueFd(terminal));
  EXPECT_LT(fill(), more_than_anything_holds);
}

TEST_F(StderrLineTest, leaves_stderr_blocking_for_those_who_share_it) {
  use_pipe();
  EXPECT_TRUE(write_stderr_line("x\n"));
  EXPECT_EQ(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(StderrLineTest, raises_no_signal_where_the_reader_is_gone) {
  use_pipe();
  reader_.reset();
  EXPECT_FALSE(write_stderr_line("x\n"));
  {
    const NoFreeDescriptor none;
    EXPECT_FALSE(write_stderr_line("x\n"));
  }
  use_socket();
  reader_.reset();
  EXPECT_FALSE(write_stderr_line("x\n"));
}

TEST_F(StderrLineTest, overwrites_nothing_in_a_file_that_others_write_to_as_well) {
  const TempFolder folder;
  reader_.reset(open(folder.path("log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  become_stderr(UniqueFd(fcntl(reader_.get(), F_DUPFD_CLOEXEC, 3)));
  EXPECT_TRUE(write_stderr_line("one\n"));
  EXPECT_EQ(write(STDERR_FILENO, "two\n", 4), 4);
  EXPECT_TRUE(write_stderr_line("three\n"));
  ASSERT_EQ(lseek(reader_.get(), 0, SEEK_SET), 0);
  EXPECT_EQ(take(), "one\ntwo\nthree\n");
}

TEST_F(StderrLineTest, is_cut_to_what_a_pipe_takes_in_one_piece) {
  use_pipe();
  EXPECT_TRUE(write_stderr_line(std::string(100'000, 'x')));
  EXPECT_EQ(take(), std::string(PIPE_BUF, 'x'));
}

TEST_F(StderrLineTest, is_refused_where_stderr_is_closed) {
  close(STDERR_FILENO);
  EXPECT_FALSE(write_stderr_line("x\n"));
}

}  // namespace
}  // namespace preforkd
