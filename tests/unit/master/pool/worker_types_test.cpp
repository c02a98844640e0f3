// SPDX-License-Identifier: MIT
#include "master/pool/worker_types.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <set>

namespace preforkd {
namespace {

TEST(WorkerTypes, every_cause_has_a_word_of_its_own) {
  std::set<std::string_view> words;
  for (std::size_t cause = 0; cause < exit_cause_count; ++cause) words.insert(to_string(static_cast<ExitCause>(cause)));
  EXPECT_EQ(words, (std::set<std::string_view>{"exit", "signal", "start-timeout", "hang", "recycled", "scaled-down",
                                               "reloaded", "operator", "drain-timeout", "oom"}));
}

TEST(WorkerTypes, every_reason_why_connections_were_not_taken_has_one) {
  std::set<std::string_view> words;
  for (std::size_t reason = 0; reason < not_taken_count; ++reason)
    words.insert(to_string(static_cast<NotTaken>(reason)));
  EXPECT_EQ(words, (std::set<std::string_view>{"full", "leaving", "no-listener", "kept-state", "failed", "framing",
                                               "no-on-adopt"}));
}

TEST(WorkerTypes, an_exit_status_reads_as_a_phrase) {
  EXPECT_EQ(to_string(ExitStatus{ExitStatus::Kind::exited, 3, {}}), "exit status 3");
  EXPECT_EQ(to_string(ExitStatus{ExitStatus::Kind::signaled, SIGKILL, {}}), "signal 9 (SIGKILL)");
  EXPECT_EQ(to_string(ExitStatus{ExitStatus::Kind::dumped, SIGABRT, {}}), "signal 6 (SIGABRT), core dumped");
  EXPECT_EQ(to_string(ExitStatus{ExitStatus::Kind::signaled, 200, {}}), "signal 200");
  EXPECT_EQ(to_string(ExitStatus{ExitStatus::Kind::exec_failed, ENOENT, "execve"}),
            "execve: No such file or directory (ENOENT)");
  EXPECT_EQ(to_string(ExitStatus{}), "unknown status");
}

}  // namespace
}  // namespace preforkd
