// SPDX-License-Identifier: MIT
// Programs that know nothing of sd_notify and leave on a signal of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <sstream>
#include <string>

#include "base/errors.hpp"
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
  options.arguments = {"--ready", "exec", "--set", "stop_signal=SIGQUIT", "--set", "drain_timeout=1h"};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  return options;
}

class ForeignProgram : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> program() const { return {binaries::worker("leaves_on_sigquit"), diary()}; }
  [[nodiscard]] std::string diary() const { return folder_.file("diary"); }
  // How many workers are up, have left.
  [[nodiscard]] unsigned noted(const std::string& word) const {
    std::istringstream lines(std::filesystem::exists(diary()) ? read_file(diary()) : "");
    unsigned count = 0;
    for (std::string line; std::getline(lines, line);) count += line == word ? 1 : 0;
    return count;
  }
  // An executed program counts as ready, but it needs a moment to see to its signals.
  void wait_up(const Master& master, unsigned workers) const {
    master.wait_ready();
    ASSERT_TRUE(eventually([&] { return noted("up") == workers; }));
  }

  TempDir folder_;
};

TEST_F(ForeignProgram, is_ready_once_it_is_executed) {
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

// The old worker must not have left for one that never came.
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

}  // namespace
}  // namespace preforkd::component
