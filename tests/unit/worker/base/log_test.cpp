// SPDX-License-Identifier: MIT
#include "worker/base/log.hpp"

#include <fcntl.h>
#include <limits.h>
#include <pty.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>

#include "base/unique_fd.hpp"

namespace {

using prefork::internal::log_line;
using prefork::internal::LogLevel;
using prefork::internal::set_log_name;
using preforkd::UniqueFd;

// Puts `fd` in the place of stderr as long as it lives.
class StderrIs {
 public:
  explicit StderrIs(int fd) : before_(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) { dup2(fd, STDERR_FILENO); }
  ~StderrIs() { dup2(before_.get(), STDERR_FILENO); }
  StderrIs(const StderrIs&) = delete;
  StderrIs& operator=(const StderrIs&) = delete;

 private:
  UniqueFd before_;
};

struct Pipe {
  Pipe() {
    std::array<int, 2> fds{};
    if (pipe2(fds.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    reader.reset(fds[0]);
    writer.reset(fds[1]);
    fcntl(reader.get(), F_SETFL, O_NONBLOCK);
  }
  UniqueFd reader;
  UniqueFd writer;
};

// The result of one read(2): each line is written at once, and these tests read after each line.
std::string take(int fd) {
  std::string bytes(std::size_t{64} * 1024, '\0');
  const ssize_t got = read(fd, bytes.data(), bytes.size());
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

class Log : public testing::Test {
 protected:
  Log() { set_log_name("echo[1]"); }
};

TEST_F(Log, has_its_name_in_a_pipe) {
  const Pipe pipe;
  const StderrIs redirected(pipe.writer.get());
  log_line(LogLevel::warning, {"max_connections ", "10", " reached"});
  EXPECT_EQ(take(pipe.reader.get()), "echo[1]: max_connections 10 reached\n");
  log_line(LogLevel::error, {"x"});
  EXPECT_EQ(take(pipe.reader.get()), "echo[1]: x\n");
}

TEST_F(Log, has_its_level_in_the_journals_socket) {
  std::array<int, 2> fds{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  const UniqueFd reader(fds[0]);
  const UniqueFd writer(fds[1]);
  const StderrIs redirected(writer.get());
  log_line(LogLevel::info, {"started"});
  EXPECT_EQ(take(reader.get()), "<6>started\n");
}

TEST_F(Log, has_its_name_on_a_terminal) {
  int terminal = -1;
  int program = -1;
  ASSERT_EQ(openpty(&terminal, &program, nullptr, nullptr, nullptr), 0);
  const UniqueFd reader(terminal);
  const UniqueFd writer(program);
  {
    const StderrIs redirected(program);
    log_line(LogLevel::error, {"hello"});
  }
  EXPECT_EQ(take(terminal), "echo[1]: hello\r\n");
}

TEST_F(Log, stays_one_line) {
  const Pipe pipe;
  const StderrIs redirected(pipe.writer.get());
  log_line(LogLevel::info, {"a\nb", "\x1B[31m\x7F", "é"});
  EXPECT_EQ(take(pipe.reader.get()), "echo[1]: a b [31m é\n");
}

TEST_F(Log, cuts_a_long_line_between_characters) {
  const Pipe pipe;
  const StderrIs redirected(pipe.writer.get());
  for (const char* const shift : {"", "x"}) {
    std::string text = shift;
    while (text.size() < 10'000) text += "é";
    log_line(LogLevel::info, {text, "more"});
    const std::string line = take(pipe.reader.get());
    EXPECT_LE(line.size(), std::size_t{PIPE_BUF});
    EXPECT_GE(line.size(), std::size_t{PIPE_BUF} - 1);
    EXPECT_TRUE(line.ends_with("é…\n"));
  }
}

TEST_F(Log, drops_what_would_block_and_says_so_later) {
  const Pipe pipe;
  const StderrIs redirected(pipe.writer.get());
  fcntl(pipe.writer.get(), F_SETFL, O_NONBLOCK);
  const std::string page(PIPE_BUF, 'x');
  while (write(pipe.writer.get(), page.data(), page.size()) > 0) {
  }
  fcntl(pipe.writer.get(), F_SETFL, 0);  // from here on a write into the full pipe would block for ever
  log_line(LogLevel::info, {"lost"});
  log_line(LogLevel::info, {"lost too"});
  while (!take(pipe.reader.get()).empty()) {
  }
  log_line(LogLevel::info, {"back"});
  EXPECT_EQ(take(pipe.reader.get()), "echo[1]: log lines dropped because they were not read: 2\necho[1]: back\n");
  log_line(LogLevel::info, {"again"});
  EXPECT_EQ(take(pipe.reader.get()), "echo[1]: again\n");
}

TEST_F(Log, survives_a_reader_that_is_gone) {
  Pipe pipe;
  pipe.reader.reset();
  {
    const StderrIs redirected(pipe.writer.get());
    log_line(LogLevel::info, {"no reader sees this"});  // a write would raise SIGPIPE, which ends this test
  }
  Pipe next;
  const StderrIs redirected(next.writer.get());
  log_line(LogLevel::info, {"x"});
  EXPECT_EQ(take(next.reader.get()), "echo[1]: log lines dropped because they were not read: 1\necho[1]: x\n");
}

TEST_F(Log, is_open_to_the_application) {
  const Pipe pipe;
  const StderrIs redirected(pipe.writer.get());
  prefork::log(LogLevel::info, "reloaded");
  EXPECT_EQ(take(pipe.reader.get()), "echo[1]: reloaded\n");
  prefork::log(LogLevel::info, {"got \"", prefork::escape("a\nb\\c", 3), "\""});
  EXPECT_EQ(take(pipe.reader.get()), "echo[1]: got \"a\\nb…(+2 bytes)\"\n");
}

template <class Level>
constexpr bool logs_a_number = requires(Level level, int number) {
  prefork::log(level, {"count: ", number});
};
static_assert(!logs_a_number<LogLevel>);

TEST_F(Log, leaves_errno_alone) {
  const UniqueFd file(memfd_create("log", MFD_CLOEXEC));
  const StderrIs redirected(file.get());
  errno = EMFILE;
  log_line(LogLevel::info, {"x"});  // a file: send(2) fails, then it is written
  EXPECT_EQ(errno, EMFILE);
  EXPECT_EQ(lseek(file.get(), 0, SEEK_END), 11);
}

TEST_F(Log, is_named_after_the_program_at_first) {
  const Pipe pipe;
  const StderrIs redirected(pipe.writer.get());
  set_log_name("");
  log_line(LogLevel::info, {"x"});
  EXPECT_EQ(take(pipe.reader.get()), std::string(program_invocation_short_name) + ": x\n");
}

}  // namespace
