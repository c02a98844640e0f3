// SPDX-License-Identifier: MIT
// Programs of several processes: start scripts and helpers. All processes of a worker end with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/listener.hpp"
#include "base/pidfd.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"
#include "support/stop_now.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;

Master::Options foreign(unsigned workers, const std::string& drain_timeout = "1h") {
  return with_workers(workers,
                      {"--ready", "exec", "--set", "reload.soak=0s", "--set", "drain_timeout=" + drain_timeout});
}

class Remains : public testing::Test {
 protected:
  // A common kind of start script: it waits for the server, so the script is the worker and the server its child.
  [[nodiscard]] std::vector<std::string> script(const std::string& server) const {
    const std::string file = folder_.write("start.sh", "#!/bin/sh\n" + server + "\necho ended\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    return {file};
  }
  // The pid of the server that answers.
  static pid_t who_answers(const Master& master) {
    const std::string answer = Client(master.address()).ask("who");  // "SLOT PID: who"
    return static_cast<pid_t>(std::stol(answer.substr(answer.find(' '))));
  }
  // The servers below the workers, once there are so many.
  static std::set<pid_t> servers(const Master& master, std::size_t count) {
    std::set<pid_t> found;
    EXPECT_TRUE(eventually([&] {
      found.clear();
      for (const pid_t worker : master.workers()) {
        for (const pid_t child : children_of(worker)) found.insert(child);
      }
      return found.size() == count;
    }));
    return found;
  }
  static void expect_port_free(const Master& master) { EXPECT_TRUE(open_listener(*parse_address(master.address()))); }

  TempDir folder_;
};

TEST_F(Remains, after_a_reload_no_old_version_behind_a_start_script_answers) {
  Master master(script(binaries::worker("does_as_told")), foreign(2));
  master.wait_ready();
  const std::set<pid_t> old = servers(master, 2);
  const std::size_t mark = master.log().size();
  master.signal(SIGHUP);
  master.log().wait_for("reload done", mark);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(old.contains(who_answers(master)));
}

TEST_F(Remains, after_a_stop_nothing_behind_a_start_script_is_left) {
  Master master(script(binaries::worker("does_as_told")), foreign(2));
  master.wait_ready();
  static_cast<void>(servers(master, 2));
  EXPECT_EQ(master.stop().status, 0);
  expect_port_free(master);
}

TEST_F(Remains, helpers_in_the_background_hold_no_port_after_a_stop) {
  Master master({"/bin/sh", "-c", "tail -f /dev/null & exec tail -f /dev/null"}, foreign(1));
  master.wait_ready();
  EXPECT_TRUE(eventually([&] {
    const std::vector<pid_t> both = descendants_of(master.pid());
    return both.size() == 2 && comm_of(both[0]) == "tail" && comm_of(both[1]) == "tail";
  }));
  EXPECT_EQ(master.stop().status, 0);
  EXPECT_THAT(master.log().text(), HasSubstr("(tail); they get the stop signal"));
  expect_port_free(master);
}

TEST_F(Remains, in_a_process_group_of_their_own_are_told_to_leave) {
  Master master({"/bin/bash", "-c", "set -m; tail -f /dev/null & exec tail -f /dev/null"}, foreign(1));
  master.wait_ready();
  std::vector<pid_t> both;
  EXPECT_TRUE(eventually([&] {
    both = descendants_of(master.pid());
    return both.size() == 2 && comm_of(both[0]) == "tail" && comm_of(both[1]) == "tail";
  }));
  ASSERT_NE(::getpgid(both[0]), ::getpgid(both[1]));
  EXPECT_EQ(master.stop().status, 0);
  EXPECT_THAT(master.log().text(), HasSubstr("(tail); they get the stop signal"));
  expect_port_free(master);
}

TEST_F(Remains, of_a_worker_that_was_killed_are_told_to_leave_and_its_slot_is_refilled) {
  const Master master(script(binaries::worker("does_as_told")), foreign(1));
  master.wait_ready();
  const pid_t server = *servers(master, 1).begin();
  const UniqueFd pidfd = open_pidfd(server);
  const pid_t leader = master.workers().front();
  ::kill(leader, SIGKILL);
  EXPECT_TRUE(wait_gone(pidfd.get()));
  master.log().wait_for("nothing is left of worker 0 (pid " + std::to_string(leader));
  EXPECT_NE(*servers(master, 1).begin(), server);
}

TEST_F(Remains, that_ignore_their_stop_signal_are_killed_after_the_drain_timeout) {
  Master master(script(binaries::worker("ignores_sigterm")), foreign(1, "300ms"));
  master.wait_ready();
  static_cast<void>(who_answers(master));  // by then it ignores the signal
  EXPECT_EQ(master.stop().status, 0);
  expect_port_free(master);
}

TEST_F(Remains, a_second_signal_to_the_master_kills_them) {
  Master master(script(binaries::worker("ignores_sigterm")), foreign(1));
  master.wait_ready();
  static_cast<void>(who_answers(master));  // by then it ignores the signal
  master.signal(SIGTERM);
  master.log().wait_for("has left processes behind");
  EXPECT_EQ(stop_now(master.process()).status, 0);
  expect_port_free(master);
}

TEST_F(Remains, are_shown_in_the_table) {
  const Master master(script(binaries::worker("ignores_sigterm")), foreign(1));
  master.wait_ready();
  static_cast<void>(who_answers(master));  // by then it ignores the signal
  ::kill(master.workers().front(), SIGKILL);
  master.log().wait_for("has left processes behind");
  master.signal(SIGUSR1);
  EXPECT_THAT(master.log().wait_for(", has left pid "), HasSubstr("(ignores_sigterm)"));
}

}  // namespace
}  // namespace preforkd::component
