// SPDX-License-Identifier: MIT
// The master is killed: its workers finish their requests and exit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "base/listener.hpp"
#include "base/pidfd.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/master.hpp"
#include "support/notify_receiver.hpp"
#include "support/proc.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;

std::vector<UniqueFd> pidfds_of(const Master& master) {
  std::vector<UniqueFd> pidfds;
  for (const pid_t pid : master.workers()) pidfds.push_back(open_pidfd(pid));
  return pidfds;
}

void expect_all_gone(const std::vector<UniqueFd>& pidfds) {
  const Deadline deadline;
  for (const UniqueFd& pidfd : pidfds) EXPECT_TRUE(wait_gone(pidfd.get(), deadline));
}

void kill_master(Master& master) {
  master.signal(SIGKILL);
  EXPECT_EQ(master.process().wait_exit().signal, SIGKILL);
}

TEST(Orphans, programs_that_know_nothing_of_preforkd_get_their_stop_signal_and_the_port_is_free) {
  Master master({binaries::worker("does_as_told")});
  master.wait_ready();
  const std::vector<UniqueFd> workers = pidfds_of(master);
  ASSERT_EQ(workers.size(), 3U);
  kill_master(master);
  expect_all_gone(workers);
  EXPECT_TRUE(open_listener(*parse_address(master.address())));
}

TEST(Orphans, idle_libprefork_workers_leave_at_once_and_the_port_is_free) {
  Master master({binaries::prefork_echo});
  master.wait_ready();
  Client client(master.address());
  EXPECT_EQ(client.ask("hello"), "received: hello");
  const std::vector<UniqueFd> workers = pidfds_of(master);
  ASSERT_EQ(workers.size(), 3U);
  kill_master(master);
  expect_all_gone(workers);
  EXPECT_TRUE(client.wait_closed());
  EXPECT_TRUE(open_listener(*parse_address(master.address())));
}

// libprefork has turned the death signal off: only the lifeline reports the death of the master.
TEST(Orphans, libprefork_workers_leave_by_the_lifeline_alone) {
  NotifyReceiver systemd;
  Master::Options options;
  options.start.environment = {{"NOTIFY_SOCKET", systemd.path()}};
  Master master({binaries::prefork_echo}, options);
  master.wait_ready();
  const std::vector<UniqueFd> workers = pidfds_of(master);
  kill_master(master);
  expect_all_gone(workers);
}

TEST(Orphans, a_libprefork_worker_answers_the_request_in_hand_first) {
  for (const bool under_systemd : {false, true}) {
    NotifyReceiver systemd;
    Master::Options options;
    options.workers = 1;
    if (under_systemd) options.start.environment = {{"NOTIFY_SOCKET", systemd.path()}};
    Master master({binaries::worker("answers_late")}, options);
    master.wait_ready();
    const std::vector<UniqueFd> workers = pidfds_of(master);
    Client client(master.address());
    EXPECT_EQ(client.ask("a question"), "wait");
    kill_master(master);
    EXPECT_EQ(client.read_to_end(), "late: a question\n");
    expect_all_gone(workers);
  }
}

}  // namespace
}  // namespace preforkd::component
