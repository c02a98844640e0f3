// SPDX-License-Identifier: MIT
// What the pool does with workers that die, hang or do not start.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <set>
#include <string>

#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/master.hpp"
#include "support/notify_receiver.hpp"
#include "support/proc.hpp"

namespace preforkd::component {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;

// The slot and pid of the worker that answers, by its answer "SLOT PID: LINE".
struct Answerer {
  unsigned slot;
  pid_t pid;
};

Answerer who_answers(Client& client) {
  const std::string answer = client.ask("who");
  std::size_t blank = 0;
  const unsigned slot = static_cast<unsigned>(std::stoul(answer, &blank));
  return {slot, std::stoi(answer.substr(blank))};
}

// The first STATUS= that contains `part`.
std::string status_that_says(NotifyReceiver& systemd, const std::string& part) {
  for (const Deadline deadline;;) {
    const std::string status = systemd.wait_for("STATUS", {}, deadline).fields.at("STATUS");
    if (status.find(part) != std::string::npos) return status;
  }
}

TEST(Respawn, a_crashed_worker_is_replaced_at_once_and_the_others_stay) {
  const Master master({binaries::worker("does_as_told")});
  master.wait_ready();
  Client client(master.address());
  const Answerer victim = who_answers(client);
  const std::vector<pid_t> workers_before = master.workers();
  const std::size_t mark = master.log().size();
  client.send("abort\n");
  EXPECT_TRUE(client.wait_closed());
  const pid_t replacement = master.worker(victim.slot, mark);
  std::set<pid_t> expected(workers_before.begin(), workers_before.end());
  expected.erase(victim.pid);
  expected.insert(replacement);
  const std::vector<pid_t> workers_after = master.workers();
  EXPECT_EQ(std::set<pid_t>(workers_after.begin(), workers_after.end()), expected);
  const std::string line = master.log().wait_for(" died", mark);
  EXPECT_THAT(line, HasSubstr("worker " + std::to_string(victim.slot) + " (pid " + std::to_string(victim.pid)));
  EXPECT_THAT(line, HasSubstr("signal 6 (SIGABRT)"));
  EXPECT_THAT(line, HasSubstr("replacing now"));
}

TEST(Respawn, the_reason_of_a_death_is_told_with_what_the_worker_last_said) {
  const Master master({binaries::worker("does_as_told")}, with_workers(1));
  master.wait_ready();
  Client client(master.address());
  client.ask("notify STATUS=disk is full\\nERRNO=28");
  client.send("exit 3\n");
  const std::string line = master.log().wait_for(" died");
  EXPECT_THAT(line, HasSubstr("exit status 3"));
  EXPECT_THAT(line, HasSubstr("it reported No space left on device (ENOSPC)"));
  EXPECT_THAT(line, HasSubstr("its last status: disk is full"));
}

TEST(Respawn, a_worker_killed_from_outside_is_replaced) {
  const Master master({binaries::worker("does_as_told")}, with_workers(2));
  master.wait_ready();
  const std::size_t mark = master.log().size();
  const pid_t victim = master.worker(1);
  ::kill(victim, SIGKILL);
  EXPECT_NE(master.worker(1, mark), victim);
  EXPECT_THAT(master.log().wait_for(" died", mark), HasSubstr("signal 9 (SIGKILL)"));
}

TEST(Respawn, a_program_that_exits_at_once_is_tried_again_ever_more_slowly) {
  const steady_clock::time_point begin = steady_clock::now();
  Master master({binaries::worker("exits_at_once"), "7"}, with_workers(1, {"--set", "restart.delay=40ms"}));
  EXPECT_THAT(master.log().wait_for(" died"), HasSubstr("exit status 7"));
  EXPECT_THAT(master.log().wait_for("crashed 5 times"), HasSubstr("before it was ready"));
  // Waits of 0, 40, 80 and 160 ms lie before the fifth crash, each shortened by a quarter at most.
  EXPECT_GE(steady_clock::now() - begin, milliseconds((40 + 80 + 160) * 3 / 4));
  master.log().wait_for("degraded");
  EXPECT_EQ(master.stop().status, 0);
}

TEST(Respawn, an_exit_with_status_0_before_readiness_is_a_crash_too) {
  Master master({binaries::worker("exits_at_once"), "0"}, with_workers(1, {"--set", "restart.delay=10ms"}));
  EXPECT_THAT(master.log().wait_for("crashed 3 times"), HasSubstr("exit status 0"));
  EXPECT_EQ(master.stop().status, 0);
}

TEST(Respawn, a_status_of_restart_never_leaves_the_slot_down_and_shown_until_a_reload) {
  NotifyReceiver systemd;
  Master::Options options = with_workers(2, {"--set", "restart.never=[78]"});
  options.start.environment = {{"NOTIFY_SOCKET", systemd.path()}};
  const Master master({binaries::worker("does_as_told")}, options);
  systemd.wait_for("READY");
  Client client(master.address());
  const Answerer victim = who_answers(client);
  client.send("exit 78\n");
  const std::string line = master.log().wait_for(" died");
  EXPECT_THAT(line, HasSubstr("exit status 78"));
  EXPECT_THAT(line, HasSubstr("not tried again before a reload or recycle: restart.never lists this status"));
  const std::string status = "1/2 workers ready, degraded, 1 slot down, generation 1";
  EXPECT_THAT(master.log().wait_for("degraded"), HasSubstr(status));
  EXPECT_THAT(status_that_says(systemd, "degraded"), HasSubstr(status));
  std::size_t mark = master.log().size();
  master.signal(SIGUSR1);
  EXPECT_THAT(master.log().wait_for("worker " + std::to_string(victim.slot) + ": no process", mark),
              HasSubstr("down until a reload or recycle"));
  mark = master.log().size();
  master.signal(SIGHUP);
  EXPECT_NE(master.worker(victim.slot, mark), victim.pid);
  master.log().wait_for("reload done", mark);
  EXPECT_THAT(status_that_says(systemd, "generation 2"), HasSubstr("2/2 workers ready"));
}

TEST(Respawn, a_status_that_restart_never_does_not_list_is_tried_again) {
  Master master({binaries::worker("exits_at_once"), "7"},
                with_workers(1, {"--set", "restart.delay=10ms", "--set", "restart.never=[78]"}));
  EXPECT_THAT(master.log().wait_for("crashed 3 times"), HasSubstr("exit status 7"));
  EXPECT_EQ(master.stop().status, 0);
}

TEST(Respawn, a_worker_that_hangs_on_start_is_killed_and_tried_again) {
  Master master({binaries::worker("hangs_on_start")},
                with_workers(1, {"--set", "start_timeout=100ms", "--set", "restart.delay=10ms"}));
  const std::string line = master.log().wait_for("crashed 2 times");
  EXPECT_THAT(line, HasSubstr("not ready in time"));
  EXPECT_EQ(master.stop().status, 0);
}

TEST(Respawn, a_worker_that_sends_no_watchdog_message_is_killed_and_replaced) {
  const Master master({binaries::worker("does_as_told")}, with_workers(1, {"--set", "hang_timeout=200ms"}));
  const std::string line = master.log().wait_for(" died");
  EXPECT_THAT(line, HasSubstr("(hung)"));
  EXPECT_THAT(line, HasSubstr("signal 6 (SIGABRT)"));
}

TEST(Respawn, a_worker_that_says_it_hangs_is_killed_and_replaced) {
  const Master master({binaries::worker("does_as_told")}, with_workers(1, {"--set", "hang_timeout=1h"}));
  master.wait_ready();
  const std::size_t mark = master.log().size();
  Client client(master.address());
  client.send("notify WATCHDOG=trigger\n");
  EXPECT_THAT(master.log().wait_for(" died"), HasSubstr("(hung)"));
  EXPECT_GT(master.worker(0, mark), 0);
}

TEST(Respawn, a_child_of_a_dead_worker_does_not_keep_the_slot) {
  const Master master({binaries::worker("forks_children")}, with_workers(1));
  master.wait_ready();
  const pid_t victim = master.worker(0);
  ASSERT_EQ(children_of(victim).size(), 1U);
  const std::size_t mark = master.log().size();
  ::kill(victim, SIGKILL);
  EXPECT_NE(master.worker(0, mark), victim);
}

TEST(Respawn, a_pool_survives_the_death_of_all_workers_at_once) {
  const Master master({binaries::worker("does_as_told")}, with_workers(8));
  master.wait_ready();
  const std::size_t mark = master.log().size();
  for (const pid_t pid : master.workers()) ::kill(pid, SIGKILL);
  for (unsigned slot = 0; slot < 8; ++slot) EXPECT_GT(master.worker(slot, mark), 0);
  Client client(master.address());
  EXPECT_THAT(client.ask("still there"), HasSubstr(": still there"));
}

}  // namespace
}  // namespace preforkd::component
