// SPDX-License-Identifier: MIT
// Programs without sd_notify and with their own stop signal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <sstream>
#include <string>

#include "base/errors.hpp"
#include "base/pidfd.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;
using testing::Not;

Master::Options foreign(unsigned workers, std::vector<std::string> arguments = {}) {
  Master::Options options;
  options.workers = workers;
  options.arguments = {"--ready",         "exec", "--set", "reload.soak=0s", "--set", "stop_signal=SIGQUIT", "--set",
                       "drain_timeout=1h"};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  return options;
}

class ForeignProgram : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> program() const { return {binaries::worker("leaves_on_sigquit"), diary()}; }
  [[nodiscard]] std::string diary() const { return folder_.file("diary"); }
  // The number of workers that are ready, or have left.
  [[nodiscard]] unsigned noted(const std::string& word) const {
    std::istringstream lines(std::filesystem::exists(diary()) ? read_file(diary()) : "");
    unsigned count = 0;
    for (std::string line; std::getline(lines, line);) count += line == word ? 1 : 0;
    return count;
  }
  // An executed program counts as ready, but may not have set its signal handlers yet.
  void wait_up(const Master& master, unsigned workers) const {
    master.wait_ready();
    ASSERT_TRUE(eventually([&] { return noted("up") == workers; }));
  }

  TempDir folder_;
};

TEST_F(ForeignProgram, without_a_soak_is_ready_once_it_is_executed) {
  const Master master(program(), foreign(2));
  master.wait_ready();
  EXPECT_THAT(Client(master.address()).ask("hello"), HasSubstr(": hello"));
}

TEST_F(ForeignProgram, leaves_on_its_own_stop_signal_when_the_pool_stops) {
  Master master(program(), foreign(2));
  wait_up(master, 2);
  EXPECT_EQ(master.stop().status, 0);
  EXPECT_EQ(noted("left"), 2U);
}

TEST_F(ForeignProgram, leaves_on_its_own_stop_signal_in_a_reload) {
  const Master master(program(), foreign(2));
  wait_up(master, 2);
  const std::size_t mark = master.log().size();
  master.signal(SIGHUP);
  master.log().wait_for("reload done", mark);
  EXPECT_TRUE(eventually([&] { return noted("left") == 2; }));
  EXPECT_TRUE(eventually([&] { return master.workers().size() == 2; }));
  EXPECT_THAT(Client(master.address()).ask("hello"), HasSubstr(": hello"));
}

TEST_F(ForeignProgram, leaves_on_its_own_stop_signal_when_the_master_is_killed) {
  Master master(program(), foreign(1));
  wait_up(master, 1);
  const UniqueFd worker = open_pidfd(master.worker(0));
  master.signal(SIGKILL);
  EXPECT_TRUE(wait_gone(worker.get()));
  EXPECT_EQ(noted("left"), 1U);
}

TEST_F(ForeignProgram, that_cannot_be_executed_is_not_ready) {
  const std::string file = folder_.write("program", "no program");
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  Master master({file}, foreign(1));
  EXPECT_EQ(master.process().wait_exit().status, exit_code::unavailable);
  EXPECT_THAT(master.log().wait_closed(), Not(HasSubstr("ready")));
}

// Like an interpreter that finds an error in its script.
TEST_F(ForeignProgram, that_ends_soon_after_its_exec_takes_no_worker_away) {
  const std::string good = "exec " + binaries::worker("leaves_on_sigquit") + " " + diary();
  const std::string script = folder_.write("serve.sh", good);
  const Master master({"/bin/sh", script}, with_workers(1, {"--ready", "exec", "--set", "stop_signal=SIGQUIT"}));
  master.wait_ready();
  EXPECT_EQ(noted("up"), 1U);
  folder_.write("serve.sh", "exit 3");
  const std::size_t mark = master.log().size();
  master.signal(SIGHUP);
  EXPECT_THAT(master.log().wait_for("reload failed", mark), HasSubstr("exit status 3"));
  EXPECT_THAT(Client(master.address()).ask("hello"), HasSubstr(": hello"));
  EXPECT_EQ(noted("left"), 0U);
}

// The old worker must not leave for a new one that does not start.
TEST_F(ForeignProgram, that_cannot_be_executed_any_more_fails_a_reload) {
  const std::string file = folder_.file("program");
  std::filesystem::copy_file(binaries::worker("leaves_on_sigquit"), file);
  const Master master({file, diary()}, foreign(1));
  master.wait_ready();
  std::filesystem::remove(file);
  folder_.write("program", "no program");
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  const std::size_t mark = master.log().size();
  master.signal(SIGHUP);
  EXPECT_THAT(master.log().wait_for("reload failed", mark), HasSubstr("execve: Exec format error (ENOEXEC)"));
  EXPECT_THAT(Client(master.address()).ask("hello"), HasSubstr(": hello"));
  EXPECT_EQ(noted("left"), 0U);
}

// The one of Debian: it serves at once and sends no READY=1.
TEST_F(ForeignProgram, that_never_says_ready_is_told_what_to_set) {
  const std::string python = "/usr/bin/python3";
  if (!std::filesystem::exists(python)) GTEST_SKIP() << "there is no " << python;
  const Master master({python, "-m", "http.server", "--bind", "127.0.0.1", "0"},
                      with_workers(1, {"--set", "start_timeout=1s"}));
  EXPECT_THAT(master.log().wait_for("died (not ready in time)"), HasSubstr("set \"ready\": \"exec\""));
}

TEST_F(ForeignProgram, that_never_pings_is_told_what_hang_timeout_is_for) {
  const Master master(program(), foreign(1, {"--set", "hang_timeout=300ms"}));
  EXPECT_THAT(master.log().wait_for("died (hung)"),
              HasSubstr("it has never sent WATCHDOG=1: hang_timeout is only for"));
}

}  // namespace
}  // namespace preforkd::component
