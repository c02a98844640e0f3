// SPDX-License-Identifier: MIT
// A worker that the kernel's OOM killer kills, in a control group of the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <string>

#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/control_group.hpp"
#include "support/master.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;

class Oom : public testing::Test {
 protected:
  void SetUp() override {
    if (!group_) GTEST_SKIP() << "no control group with a memory limit can be made: " << group_.reason();
    // With swap the kill would only come later. If swap is not counted, the file does not exist.
    std::ofstream(group_.path() + "/memory.swap.max") << "0";
  }

  // A pool that was started inside the group.
  [[nodiscard]] Process start() const {
    const std::string enter = "echo $$ > \"$0\"/cgroup.procs && exec \"$@\"";
    return Process("/bin/sh",
                   {"-c", enter, group_.path(), binaries::preforkd, "--name", "test", "--workers", "2", "--listen",
                    "127.0.0.1:0", "--log-level", "debug", "--", binaries::worker("prefork_does_as_told")});
  }

  TestControlGroup group_{{.controller = "memory",
                           .unified = "memory.max",
                           .unified_value = "256M",
                           .legacy = "memory.limit_in_bytes",
                           .legacy_value = "256M"}};
};

std::string address_in(const Output& log) {
  std::string line;
  return log.wait_for(std::regex("listening on ([^ ]+)"), line)[1];
}

TEST_F(Oom, is_named_in_the_log_and_in_the_table_and_the_worker_is_replaced) {
  const Process process = start();
  const Output& log = process.err();
  log.wait_for("2/2 workers ready");
  const std::size_t mark = log.size();
  Client client(address_in(log));
  const std::string slot = client.ask("who").substr(0, 1);
  client.send("grow 512\n");
  const std::string line = log.wait_for(" died", mark);
  EXPECT_THAT(line, HasSubstr("worker " + slot + " (pid"));
  EXPECT_THAT(line, HasSubstr("died (out of memory): signal 9 (SIGKILL)"));
  log.wait_for("is ready", mark);
  process.signal(SIGUSR1);
  EXPECT_THAT(log.wait_for("  worker " + slot + ": pid", mark), HasSubstr("1 crash (oom)"));
  EXPECT_THAT(Client(address_in(log)).ask("hello"), HasSubstr(": hello"));
}

TEST_F(Oom, is_not_what_a_kill_by_somebody_else_is_taken_for) {
  const Process process = start();
  const Output& log = process.err();
  log.wait_for("2/2 workers ready");
  Client client(address_in(log));
  const std::string answer = client.ask("who");
  ::kill(std::stoi(answer.substr(2)), SIGKILL);
  EXPECT_THAT(log.wait_for(" died"), HasSubstr(" died: signal 9 (SIGKILL)"));
  process.signal(SIGUSR1);
  EXPECT_THAT(log.wait_for("  worker " + answer.substr(0, 1) + ":"), HasSubstr("1 crash (signal)"));
}

}  // namespace
}  // namespace preforkd::component
