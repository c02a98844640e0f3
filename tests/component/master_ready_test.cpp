// SPDX-License-Identifier: MIT
// The messages of the master to systemd.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "base/unique_fd.hpp"
#include "support/binaries.hpp"
#include "support/master.hpp"
#include "support/notify_receiver.hpp"
#include "support/stop_now.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using std::chrono_literals::operator""s;
using testing::HasSubstr;

class MasterReady : public testing::Test {
 protected:
  Master::Options options(unsigned workers) const {
    Master::Options options;
    options.workers = workers;
    options.start.environment = {{"NOTIFY_SOCKET", systemd_.path()}};
    return options;
  }

  // The next request for more time asks for this much plus the usual margin.
  bool waits_about(std::chrono::seconds time) {
    const std::string usec = systemd_.wait_for("EXTEND_TIMEOUT_USEC").fields.at("EXTEND_TIMEOUT_USEC");
    const std::chrono::microseconds asked(std::stoll(usec));
    return asked <= time + 30s && asked > time + 10s;
  }

  NotifyReceiver systemd_;
};

TEST_F(MasterReady, ready_is_said_only_when_all_workers_are_ready) {
  const TempDir folder;
  const std::string fifo = folder.file("fifo");
  for (const char* slot : {"0", "1"}) ASSERT_EQ(::mkfifo((fifo + slot).c_str(), 0600), 0);
  const Master master({binaries::worker("slow_to_start"), fifo}, options(2));
  UniqueFd(::open((fifo + "1").c_str(), O_WRONLY | O_CLOEXEC)).reset();
  EXPECT_GT(master.worker(1), 0);
  systemd_.wait_for("STATUS", "1/2 workers ready, starting, generation 1");
  EXPECT_TRUE(systemd_.never_saw("READY"));
  UniqueFd(::open((fifo + "0").c_str(), O_WRONLY | O_CLOEXEC)).reset();
  systemd_.wait_for("READY", "1");
}

TEST_F(MasterReady, ready_comes_from_the_master_itself_with_a_status_for_people) {
  const Master master({binaries::worker("does_as_told")}, options(3));
  const NotifyReceiver::Message ready = systemd_.wait_for("READY", "1");
  EXPECT_EQ(ready.sender, master.pid());
  EXPECT_EQ(ready.fields.at("STATUS"), "3/3 workers ready, generation 1");
}

TEST_F(MasterReady, a_pool_that_cannot_start_never_says_ready) {
  Master::Options with = options(1);
  with.arguments = {"--set", "restart.delay=10ms"};
  const Master master({binaries::worker("exits_at_once"), "1"}, with);
  master.log().wait_for("crashed 4 times");
  EXPECT_TRUE(systemd_.never_saw("READY"));
}

TEST_F(MasterReady, what_a_worker_says_is_not_passed_on) {
  const Master master({binaries::worker("notify_flooder")}, options(1));
  systemd_.wait_for("READY", "1");
  master.out().wait_for("flooded");
  EXPECT_TRUE(systemd_.never_saw("MAINPID"));
  EXPECT_TRUE(systemd_.never_saw("FDNAME"));
  for (const NotifyReceiver::Message& message : systemd_.seen()) EXPECT_EQ(message.sender, master.pid());
}

TEST_F(MasterReady, the_watchdog_is_served) {
  Master::Options with = options(1);
  with.start.environment.emplace_back("WATCHDOG_USEC", "200000");
  const Master master({binaries::worker("does_as_told")}, with);
  systemd_.wait_for("READY", "1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(systemd_.wait_for("WATCHDOG", "1").sender, master.pid());
}

TEST_F(MasterReady, stopping_is_said_when_it_begins) {
  Master master({binaries::worker("ignores_sigterm")}, options(1));
  systemd_.wait_for("READY", "1");
  master.signal(SIGTERM);
  EXPECT_THAT(systemd_.wait_for("STOPPING", "1").fields.at("STATUS"), HasSubstr("stopping"));
  EXPECT_EQ(stop_now(master.process()).status, 0);
}

TEST_F(MasterReady, a_reload_is_said_to_begin_and_to_end) {
  const Master master({binaries::worker("does_as_told")}, options(2));
  systemd_.wait_for("READY", "1");
  master.signal(SIGHUP);
  EXPECT_GT(std::stoll(systemd_.wait_for("RELOADING", "1").fields.at("MONOTONIC_USEC")), 0);
  EXPECT_THAT(systemd_.wait_for("READY", "1").fields.at("STATUS"), HasSubstr("generation 2"));
}

TEST_F(MasterReady, a_reload_asks_for_the_time_of_its_next_step) {
  Master::Options with = options(1);
  with.arguments = {"--set", "start_timeout=7s"};
  const TempDir folder;
  const auto version = [&](const char* worker) {
    const std::string file = folder.write("program", "#!/bin/sh\nexec " + binaries::worker(worker) + "\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    return file;
  };
  const Master master({version("does_as_told")}, with);
  systemd_.wait_for("READY", "1");
  version("hangs_on_start");
  master.signal(SIGHUP);
  EXPECT_TRUE(waits_about(7s));
}

TEST_F(MasterReady, a_start_asks_for_the_time_of_its_slowest_worker) {
  const TempDir folder;
  const std::string fifo = folder.file("fifo");
  ASSERT_EQ(::mkfifo((fifo + "0").c_str(), 0600), 0);
  Master::Options with = options(1);
  with.arguments = {"--set", "start_timeout=7s"};
  const Master master({binaries::worker("slow_to_start"), fifo}, with);
  EXPECT_TRUE(waits_about(7s));
  EXPECT_TRUE(waits_about(60s));  // the worker has asked for that
}

TEST_F(MasterReady, a_stop_asks_for_the_time_of_its_slowest_worker) {
  const TempDir folder;
  const std::string fifo = folder.file("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  Master::Options with = options(1);
  Master master({binaries::worker("extends_drain"), fifo}, with);
  systemd_.wait_for("READY", "1");
  master.signal(SIGTERM);
  while (!waits_about(600s)) continue;
  UniqueFd(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC)).reset();
  EXPECT_EQ(master.process().wait_exit().status, 0);
}

TEST_F(MasterReady, a_stop_asks_for_the_time_of_its_drain) {
  Master::Options with = options(1);
  with.arguments = {"--set", "drain_timeout=1min"};  // more than the start timeout
  Master master({binaries::worker("ignores_sigterm")}, with);
  systemd_.wait_for("READY", "1");
  master.signal(SIGTERM);
  EXPECT_TRUE(waits_about(60s));
  EXPECT_EQ(stop_now(master.process()).status, 0);
}

TEST_F(MasterReady, a_slot_that_fails_holds_nobody_up_who_is_ready) {
  const std::string script = "[ $PREFORK_WORKER != 0 ] || exit $1; exec \"$2\"";
  for (const char* const status : {"78", "1"}) {
    Master::Options with = options(2);
    with.arguments = {"--set", "restart.never=[78]", "--set", "restart.delay=1h", "--set", "restart.max_delay=1h"};
    const Master master({"/bin/sh", "-c", script, "sh", status, binaries::worker("does_as_told")}, with);
    EXPECT_THAT(systemd_.wait_for("READY", "1").fields.at("STATUS"), HasSubstr("1/2 workers ready, degraded"));
  }
}

TEST_F(MasterReady, a_stop_during_a_reload_is_not_taken_back) {
  const TempDir folder;
  Master master({binaries::worker("does_as_told")}, options(1));
  systemd_.wait_for("READY", "1");
  master.signal(SIGHUP);
  master.signal(SIGTERM);
  EXPECT_EQ(master.process().wait_exit().status, 0);
  systemd_.wait_for("STOPPING", "1");
  const std::size_t stopping = systemd_.seen().size();
  static_cast<void>(systemd_.never_saw("READY"));
  for (std::size_t i = stopping; i < systemd_.seen().size(); ++i)
    EXPECT_FALSE(systemd_.seen()[i].fields.contains("READY"));
}

TEST_F(MasterReady, a_crash_shows_in_the_status) {
  Master::Options with = options(1);
  with.arguments = {"--set", "restart.delay=1h", "--set", "restart.max_delay=1h"};
  const Master master({binaries::worker("does_as_told")}, with);
  systemd_.wait_for("READY", "1");
  master.wait_ready();
  const pid_t first = master.worker(0);  // before the mark: READY=1 may overtake the log line of the first worker
  const std::size_t mark = master.log().size();
  ::kill(first, SIGKILL);
  ::kill(master.worker(0, mark), SIGKILL);
  EXPECT_THAT(systemd_.wait_for("STATUS", "0/1 workers ready, degraded, generation 1").fields.at("STATUS"),
              HasSubstr("degraded"));
}

}  // namespace
}  // namespace preforkd::component
