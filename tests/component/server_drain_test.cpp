// SPDX-License-Identifier: MIT
// Draining workers finish their requests, and no client is refused meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "base/pidfd.hpp"
#include "base/unique_fd.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;

TEST(Drain, a_reload_answers_the_request_in_hand_then_closes) {
  const Master master({binaries::worker("answers_late")}, with_workers(1));
  master.wait_ready();
  Client client(master.address());
  EXPECT_EQ(client.ask("a question"), "wait");
  const UniqueFd old_worker = open_pidfd(master.worker(0));
  const std::size_t mark = master.log().size();
  master.signal(SIGHUP);
  EXPECT_EQ(client.read_to_end(), "late: a question\n");
  master.log().wait_for("reload done", mark);
  EXPECT_TRUE(wait_gone(old_worker.get()));
  EXPECT_EQ(Client(master.address()).ask("another"), "wait");
}

TEST(Drain, a_stop_answers_the_request_in_hand_then_closes) {
  Master master({binaries::worker("answers_late")}, with_workers(1));
  master.wait_ready();
  Client client(master.address());
  EXPECT_EQ(client.ask("a question"), "wait");
  master.signal(SIGTERM);
  EXPECT_EQ(client.read_to_end(), "late: a question\n");
  EXPECT_EQ(master.process().wait_exit().status, 0);
}

TEST(Drain, an_idle_connection_is_closed_at_once_and_the_log_says_why) {
  Master master({binaries::prefork_echo}, with_workers(1));
  master.wait_ready();
  Client client(master.address());
  EXPECT_EQ(client.ask("hello"), "received: hello");
  EXPECT_EQ(master.stop().status, 0);
  EXPECT_TRUE(client.wait_closed());
  EXPECT_THAT(master.log().wait_closed(), HasSubstr("closed: drained"));
}

TEST(Drain, an_idle_connection_may_be_kept_until_the_deadline) {
  Master master({binaries::prefork_echo}, with_workers(1, {"--set", "settings.drain_idle=keep"}));
  master.wait_ready();
  Client client(master.address());
  EXPECT_EQ(client.ask("hello"), "received: hello");
  const std::size_t mark = master.log().size();
  master.signal(SIGHUP);
  EXPECT_GT(master.worker(0, mark), 0);
  EXPECT_EQ(client.ask("still here"), "received: still here");
}

TEST(Drain, a_kept_connection_outlives_the_master_until_its_client_leaves) {
  const Master master({binaries::prefork_echo}, with_workers(1, {"--set", "settings.drain_idle=keep"}));
  master.wait_ready();
  const UniqueFd worker = open_pidfd(master.worker(0));
  {
    Client client(master.address());
    EXPECT_EQ(client.ask("hello"), "received: hello");
    master.signal(SIGKILL);
    master.log().wait_for("the master is gone");
    EXPECT_EQ(client.ask("still here"), "received: still here");
  }
  EXPECT_TRUE(wait_gone(worker.get()));
}

TEST(Drain, a_worker_without_a_master_ends_its_drain_itself) {
  const std::vector<std::string> arguments = {"--set", "settings.drain_idle=keep", "--set", "drain_timeout=100ms"};
  const Master master({binaries::prefork_echo}, with_workers(1, arguments));
  master.wait_ready();
  const UniqueFd worker = open_pidfd(master.worker(0));
  Client client(master.address());
  EXPECT_EQ(client.ask("hello"), "received: hello");
  master.signal(SIGKILL);
  EXPECT_TRUE(client.wait_closed());
  EXPECT_TRUE(wait_gone(worker.get()));
}

TEST(Drain, no_new_client_is_refused_or_left_alone_during_reloads) {
  const Master master({binaries::prefork_echo}, with_workers(2));
  master.wait_ready();
  for (int i = 0; i < 10; ++i) {
    const std::size_t mark = master.log().size();
    master.signal(SIGHUP);
    while (master.log().text().find("reload done", mark) == std::string::npos) {
      Client client(master.address());
      EXPECT_EQ(client.ask("during a reload"), "received: during a reload");
    }
  }
}

TEST(Drain, a_hanging_worker_is_replaced) {
  const Master master({binaries::prefork_echo},
                      with_workers(1, {"--set", "hang_timeout=2s", "--set", "drain_timeout=200ms"}));
  master.wait_ready();
  const std::size_t mark = master.log().size();
  ::kill(master.worker(0), SIGSTOP);  // SIGABRT does not end a stopped process, so SIGKILL must follow
  EXPECT_GT(master.worker(0, mark), 0);
  EXPECT_EQ(Client(master.address()).ask("back"), "received: back");
  EXPECT_THAT(master.log().wait_for(" died", mark), HasSubstr("(hung): signal 9 (SIGKILL)"));
}

TEST(Drain, a_worker_that_lives_does_not_count_as_hanging) {
  const Master watched({binaries::prefork_echo}, with_workers(1, {"--set", "hang_timeout=2s"}));
  watched.wait_ready();
  const pid_t worker = watched.worker(0);
  // A program that sends no WATCHDOG=1, with the same hang_timeout and started later, is killed as hung …
  const Master hanging({binaries::worker("does_as_told")}, with_workers(1, {"--set", "hang_timeout=3s"}));
  hanging.log().wait_for("(hung)");
  // … but this one, which has no client and sends WATCHDOG=1, is not.
  EXPECT_EQ(watched.workers(), std::vector<pid_t>{worker});
}

}  // namespace
}  // namespace preforkd::component
