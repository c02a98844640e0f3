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
#include "base/process_facts.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"
#include "support/stop_now.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;

Master::Options plain_program(unsigned workers, const std::string& drain_timeout = "1h",
                              const std::string& stop = "process") {
  return with_workers(workers, {"--ready", "exec", "--set", "reload.soak=0s", "--set", "drain_timeout=" + drain_timeout,
                                "--set", "stop=" + stop});
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
  static void expect_daemons_to_end(const std::string& starter);

  TempDir folder_;
};

TEST_F(Remains, after_a_reload_no_old_version_behind_a_start_script_answers) {
  Master master(script(binaries::worker("does_as_told")), plain_program(2));
  master.wait_ready();
  const std::set<pid_t> old = servers(master, 2);
  const std::size_t mark = master.log().size();
  master.signal(SIGHUP);
  master.log().wait_for("reload done", mark);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(old.contains(who_answers(master)));
}

TEST_F(Remains, after_a_stop_nothing_behind_a_start_script_is_left) {
  Master master(script(binaries::worker("does_as_told")), plain_program(2));
  master.wait_ready();
  static_cast<void>(servers(master, 2));
  EXPECT_EQ(master.stop().status, 0);
  expect_port_free(master);
}

TEST_F(Remains, helpers_in_the_background_hold_no_port_after_a_stop) {
  Master master({"/bin/sh", "-c", "tail -f /dev/null & exec tail -f /dev/null"}, plain_program(1));
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
  Master master({"/bin/bash", "-c", "set -m; tail -f /dev/null & exec tail -f /dev/null"}, plain_program(1));
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
  const Master master(script(binaries::worker("does_as_told")), plain_program(1));
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
  Master master(script(binaries::worker("ignores_sigterm")), plain_program(1, "300ms"));
  master.wait_ready();
  static_cast<void>(who_answers(master));  // by then it ignores the signal
  EXPECT_EQ(master.stop().status, 0);
  expect_port_free(master);
}

TEST_F(Remains, a_second_signal_to_the_master_kills_them) {
  Master master(script(binaries::worker("ignores_sigterm")), plain_program(1));
  master.wait_ready();
  static_cast<void>(who_answers(master));  // by then it ignores the signal
  master.signal(SIGTERM);
  master.log().wait_for("has left processes behind");
  EXPECT_EQ(stop_now(master.process()).status, 0);
  expect_port_free(master);
}

// A worker whose helper says what it is told, and is not ended by that. Only the leader is ended by its stop signal.
class HelpedWorker : public Remains {
 protected:
  explicit HelpedWorker(const std::string& stop)
      : master_({"/bin/sh", "-c", binaries::worker("says_signals") + " & exec tail -f /dev/null"},
                plain_program(1, "1h", stop)) {
    master_.wait_ready();
    const std::string line = master_.log().wait_for("helper ");
    pid_ = static_cast<pid_t>(std::stol(line.substr(line.find("helper ") + 7)));
    EXPECT_TRUE(eventually([this] { return comm_of(master_.workers().front()) == "tail"; }));
    // Who is told is known by the clock tick in which a process was started.
    EXPECT_TRUE(eventually([this] { return process_stat(pid_).value().started < boot_ticks(); }));
  }
  // How often it was told: of two signals that wait it takes the one with the lower number first.
  std::size_t times_told() {
    ::kill(pid_, SIGWINCH);
    master_.log().wait_for("probed");
    const std::string text = master_.log().text();
    std::size_t count = 0;
    for (std::size_t at = text.find("told\n"); at != std::string::npos; at = text.find("told\n", at + 1)) ++count;
    return count;
  }
  void end_leader() {
    const std::size_t mark = master_.log().size();
    master_.signal(SIGTERM);
    master_.log().wait_for("has left processes behind: pid " + std::to_string(pid_), mark);
  }

  Master master_;
  pid_t pid_ = 0;
};

struct StopOfAll : HelpedWorker {
  StopOfAll() : HelpedWorker("control-group") {}
};
TEST_F(StopOfAll, tells_each_process_once) {
  end_leader();
  EXPECT_EQ(times_told(), 1U);
  EXPECT_EQ(stop_now(master_.process()).status, 0);
}

struct StopOfTheFirst : HelpedWorker {
  StopOfTheFirst() : HelpedWorker("process") {}
};
TEST_F(StopOfTheFirst, tells_the_others_when_the_first_has_ended) {
  end_leader();
  EXPECT_EQ(times_told(), 1U);
  EXPECT_EQ(stop_now(master_.process()).status, 0);
}

struct MixedStop : HelpedWorker {
  MixedStop() : HelpedWorker("mixed") {}
};
TEST_F(MixedStop, kills_the_others_when_the_first_has_ended) {
  const UniqueFd pidfd = open_pidfd(pid_);
  master_.signal(SIGTERM);
  EXPECT_TRUE(wait_gone(pidfd.get()));
  EXPECT_EQ(master_.process().wait_exit().status, 0);
  EXPECT_THAT(master_.log().text(), HasSubstr("they are killed"));
  EXPECT_EQ(master_.log().text().find("told\n"), std::string::npos);
}

// setsid(1) forks, so the helper has no living parent of the worker and is in no session of it. `starter` starts it.
void Remains::expect_daemons_to_end(const std::string& starter) {
  Master master(
      {"/bin/sh", "-c", "(" + starter + " setsid tail -f /dev/null >/dev/null 2>&1 &); exec tail -f /dev/null"},
      plain_program(2));
  master.wait_ready();
  const auto daemons = [&] {
    std::vector<pid_t> found;
    for (const pid_t pid : descendants_of(::getpid())) {
      if (::getsid(pid) == pid && pid != master.pid() && comm_of(pid) == "tail") found.push_back(pid);
    }
    return found;
  };
  EXPECT_TRUE(eventually([&] { return daemons().size() == 4; })) << "two workers and two daemons";
  std::vector<UniqueFd> pidfds;
  for (const pid_t pid : daemons()) pidfds.push_back(open_pidfd(pid));
  EXPECT_EQ(master.stop().status, 0);
  for (const UniqueFd& pidfd : pidfds) EXPECT_TRUE(wait_gone(pidfd.get(), std::chrono::milliseconds(0)));
  expect_port_free(master);
}

TEST_F(Remains, that_have_become_daemons_are_ended_too) { expect_daemons_to_end(""); }

// Nobody knows whose they were.
TEST_F(Remains, that_have_another_environment_too_end_with_the_pool) { expect_daemons_to_end("env -i"); }

TEST_F(Remains, are_shown_in_the_table) {
  const Master master(script(binaries::worker("ignores_sigterm")), plain_program(1));
  master.wait_ready();
  static_cast<void>(who_answers(master));  // by then it ignores the signal
  ::kill(master.workers().front(), SIGKILL);
  master.log().wait_for("has left processes behind");
  master.signal(SIGUSR1);
  EXPECT_THAT(master.log().wait_for(", has left pid "), HasSubstr("(ignores_sigterm)"));
}

}  // namespace
}  // namespace preforkd::component
