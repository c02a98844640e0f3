// SPDX-License-Identifier: MIT
#include "master/base/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <regex>
#include <string>

#include "base/unique_fd.hpp"

namespace preforkd {
namespace {

// Makes a pipe this process's stderr.
class LogTest : public testing::Test {
 protected:
  LogTest() : saved_(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    read_end_.reset(ends[0]);
    const UniqueFd write_end(ends[1]);
    EXPECT_EQ(dup2(write_end.get(), STDERR_FILENO), STDERR_FILENO);
    fcntl(STDERR_FILENO, F_SETFL, 0);  // blocking, as a shell's pipe is
  }
  ~LogTest() override {
    unsetenv("JOURNAL_STREAM");
    dup2(saved_.get(), STDERR_FILENO);
    log::open(log::find_sink(), log::Level::info);
  }
  std::string text() {
    std::string all;
    std::array<char, 8192> bytes{};
    for (ssize_t size = 0; (size = read(read_end_.get(), bytes.data(), bytes.size())) > 0;) {
      all.append(bytes.data(), static_cast<std::size_t>(size));
    }
    return all;
  }

  UniqueFd saved_;
  UniqueFd read_end_;
};

TEST_F(LogTest, prefixes_lines_with_their_level_for_a_reader_that_takes_it_off) {
  log::open(log::Sink::prefixed, log::Level::info);
  log::error("bad");
  log::info("good");
  log::debug("not shown");
  EXPECT_EQ(text(), "<3>bad\n<6>good\n");
}

TEST_F(LogTest, writes_plain_text_where_stderr_is_no_journal) {
  EXPECT_EQ(log::find_sink(), log::Sink::plain);
  log::open(log::find_sink(), log::Level::debug);
  log::debug("shown");
  EXPECT_EQ(text(), "preforkd: shown\n");
}

TEST_F(LogTest, begins_lines_with_the_time_if_asked) {
  log::open(log::Sink::plain, log::Level::info, true);
  log::info("one");
  log::open(log::Sink::prefixed, log::Level::info, true);
  log::info("two");
  const std::string time = R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4})";
  const std::string lines = text();
  EXPECT_TRUE(std::regex_match(lines, std::regex(time + " preforkd: one\n<6>" + time + " two\n"))) << lines;
}

TEST_F(LogTest, writes_nothing_at_all_if_asked) {
  log::open(log::Sink::null, log::Level::debug);
  log::error("bad");
  log::write_last_words("worse");
  EXPECT_EQ(text(), "");
}

TEST_F(LogTest, has_last_words) {
  log::open(log::Sink::plain, log::Level::info);
  log::write_last_words("out of memory");
  log::open(log::Sink::prefixed, log::Level::info);
  log::write_last_words("out of memory");
  EXPECT_EQ(text(), "preforkd: out of memory\n<3>out of memory\n");
}

TEST_F(LogTest, never_blocks_on_a_reader_that_stalls_and_says_what_was_lost) {
  log::open(log::Sink::prefixed, log::Level::info);
  const std::string line(1000, 'x');
  for (int i = 0; i < 200; ++i) log::info(line);  // a pipe holds 64 KiB
  const std::string first = text();
  EXPECT_LT(first.size(), 200U * line.size());
  log::info("after");
  const std::string rest = text();
  EXPECT_NE(rest.find("log lines were dropped"), std::string::npos) << rest;
  EXPECT_TRUE(rest.ends_with("<6>after\n")) << rest;
}

TEST_F(LogTest, never_blocks_on_a_socket_that_nobody_reads) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  dup2(writer.get(), STDERR_FILENO);
  log::open(log::Sink::prefixed, log::Level::info);
  for (int i = 0; i < 1000; ++i) log::info(std::string(4000, 'x'));
  std::array<char, 8192> bytes{};
  while (recv(reader.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) continue;
  log::info("after");
  const ssize_t size = recv(reader.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  EXPECT_TRUE(std::string(bytes.data(), static_cast<std::size_t>(size)).ends_with("they were not read)\n<6>after\n"));
}

TEST_F(LogTest, cuts_a_line_that_no_pipe_takes_at_once) {
  log::open(log::Sink::prefixed, log::Level::info);
  log::info(std::string(100'000, 'x'));
  const std::string line = text();
  EXPECT_LE(line.size(), 4096U);
  EXPECT_TRUE(line.ends_with("x\n"));
}

TEST_F(LogTest, knows_a_journal_stream_by_its_inode) {
  struct stat now {};
  ASSERT_EQ(fstat(STDERR_FILENO, &now), 0);
  setenv("JOURNAL_STREAM", (std::to_string(now.st_dev) + ":" + std::to_string(now.st_ino)).c_str(), 1);
  EXPECT_TRUE(log::stderr_is_journal());
  EXPECT_EQ(log::find_sink(), log::Sink::journal);
  setenv("JOURNAL_STREAM", (std::to_string(now.st_dev) + ":" + std::to_string(now.st_ino + 1)).c_str(), 1);
  EXPECT_FALSE(log::stderr_is_journal());
  setenv("JOURNAL_STREAM", "garbage", 1);
  EXPECT_FALSE(log::stderr_is_journal());
}

TEST(LogTarget, is_read_by_name) {
  EXPECT_EQ(log::parse_target("auto"), log::find_sink());
  EXPECT_EQ(log::parse_target("journal"), log::Sink::journal);
  EXPECT_EQ(log::parse_target("console"), log::Sink::plain);
  EXPECT_EQ(log::parse_target("console-prefixed"), log::Sink::prefixed);
  EXPECT_EQ(log::parse_target("null"), log::Sink::null);
  EXPECT_EQ(log::parse_target("kmsg"), std::nullopt);
  EXPECT_STREQ(log::word_of(log::Sink::prefixed), "console-prefixed");
  EXPECT_EQ(log::target_words(), "auto, journal, console, console-prefixed or null");
}

TEST(LogLevel, is_read_by_name) {
  EXPECT_EQ(log::parse_level("warning"), log::Level::warning);
  EXPECT_STREQ(log::word_of(log::Level::debug), "debug");
  EXPECT_EQ(log::level_words(), "error, warning, notice, info or debug");
  EXPECT_EQ(log::parse_level("Warning"), std::nullopt);
  EXPECT_EQ(log::parse_level(""), std::nullopt);
}

}  // namespace
}  // namespace preforkd
