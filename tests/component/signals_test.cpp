// SPDX-License-Identifier: MIT
// The signals that an operator sends to the master.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"
#include "support/stop_now.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

TEST(Signals, term_and_int_drain_all_workers_and_end_with_0_and_the_port_is_free) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Master master({binaries::worker("does_as_told")});
    master.wait_ready();
    const std::string address = master.address();
    master.signal(signal);
    EXPECT_EQ(master.process().wait_exit().status, 0);
    EXPECT_FALSE(can_connect(address));
    EXPECT_THAT(master.log().wait_closed(), HasSubstr("has stopped: its last worker has exited"));
  }
}

TEST(Signals, a_stop_before_the_workers_are_ready_ends_with_0) {
  Master master({binaries::worker("hangs_on_start")});
  master.log().wait_for("worker 2");
  EXPECT_EQ(master.stop().status, 0);
}

TEST(Signals, a_worker_that_does_not_leave_is_killed_after_the_drain_timeout) {
  Master master({binaries::worker("ignores_sigterm")}, with_workers(2, {"--set", "drain_timeout=100ms"}));
  master.wait_ready();
  EXPECT_EQ(master.stop().status, 0);
  EXPECT_THAT(master.log().wait_closed(), HasSubstr("did not drain in time"));
}

TEST(Signals, a_second_term_kills_what_is_left) {
  Master master({binaries::worker("ignores_sigterm")}, with_workers(2, {"--set", "drain_timeout=1h"}));
  master.wait_ready();
  master.signal(SIGTERM);
  master.log().wait_for("draining all workers");
  EXPECT_EQ(stop_now(master.process()).status, 0);
  EXPECT_THAT(master.log().wait_closed(), HasSubstr("SIGTERM again: killing the remaining workers"));
}

TEST(Signals, two_at_a_time_are_one_stop) {
  Master master({binaries::worker("ignores_sigterm")}, with_workers(1, {"--set", "drain_timeout=300ms"}));
  master.wait_ready();
  for (const int signal : {SIGSTOP, SIGTERM, SIGINT, SIGCONT}) master.signal(signal);
  EXPECT_EQ(master.process().wait_exit().status, 0);
  EXPECT_THAT(master.log().wait_closed(), testing::Not(HasSubstr("again")));
}

TEST(Signals, those_that_mean_nothing_are_ignored_and_told_of_once) {
  Master master({binaries::worker("does_as_told")}, with_workers(1));
  master.wait_ready();
  for (const int signal :
       {SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGIO, SIGPWR, SIGSTKFLT, SIGRTMIN, SIGRTMAX, SIGXFSZ, SIGPIPE}) {
    master.signal(signal);
  }
  master.log().wait_for("SIGALRM: ignored; preforkd(8) lists the signals that have an effect");
  for (int count = 0; count < 2; ++count) {
    const std::size_t mark = master.log().size();
    master.signal(SIGQUIT);
    master.signal(SIGUSR1);
    master.log().wait_for("  worker 0: ", mark);
  }
  EXPECT_EQ(master.stop().status, 0);
  const std::string log = master.log().wait_closed();
  const std::size_t first = log.find("SIGQUIT: ignored");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(log.find("SIGQUIT: ignored", first + 1), std::string::npos);
}

TEST(Signals, a_log_file_that_may_grow_no_more_costs_lines_not_the_pool) {
  const TempDir folder;
  const std::string script = "ulimit -f 16; exec \"$@\" 2>" + folder.file("log");
  Process master("/bin/sh", {"-c", script, "sh", binaries::preforkd, "--listen", "127.0.0.1:0", "--",
                             binaries::worker("does_as_told")});
  const auto full = [&] { return read_file(folder.file("log")).size() >= 8192; };
  EXPECT_TRUE(eventually([&] { return children_of(master.pid()).size() == 1; }));
  EXPECT_TRUE(eventually([&] {
    master.signal(SIGUSR1);
    return full();
  }));
  master.signal(SIGUSR1);
  master.signal(SIGTERM);
  EXPECT_EQ(master.wait_exit().status, 0);
}

TEST(Signals, hup_replaces_every_worker_by_one_of_the_next_generation) {
  const Master master({binaries::worker("does_as_told")});
  master.wait_ready();
  const std::vector<pid_t> before = master.workers();
  const std::size_t mark = master.log().size();
  master.signal(SIGHUP);
  master.log().wait_for("reload done", mark);
  for (unsigned slot = 0; slot < 3; ++slot) {
    EXPECT_THAT(before, testing::Not(testing::Contains(master.worker(slot, mark))));
  }
  EXPECT_TRUE(eventually([&] { return master.workers().size() == 3; }));
  master.signal(SIGUSR1);
  EXPECT_THAT(master.log().wait_for("  worker 0: ", mark), HasSubstr("generation 2"));
}

TEST(Signals, hup_keeps_the_old_workers_if_the_new_ones_fail) {
  const TempDir folder;
  const std::string config = R"({"listen": ["127.0.0.1:0"], "workers": 2, "program": [")";
  const std::string file = folder.write("pool.json", config + binaries::worker("does_as_told") + "\"]}");
  Process process(binaries::preforkd, {"--config", file, "--log-level", "debug"});
  process.err().wait_for("2/2 workers ready");
  const std::vector<pid_t> before = children_of(process.pid());
  folder.write("pool.json", config + binaries::worker("exits_at_once") + "\", \"5\"]}");
  process.signal(SIGHUP);
  EXPECT_THAT(process.err().wait_for("reload failed"), HasSubstr("exit status 5"));
  EXPECT_EQ(children_of(process.pid()), before);
}

TEST(Signals, hup_with_a_wrong_config_changes_nothing_and_says_why) {
  const TempDir folder;
  const std::string good =
      R"({"listen": ["127.0.0.1:0"], "workers": 2, "program": [")" + binaries::worker("does_as_told") + "\"]}";
  const std::string file = folder.write("pool.json", good);
  Process process(binaries::preforkd, {"--config", file, "--log-level", "debug"});
  process.err().wait_for("2/2 workers ready");
  const std::vector<pid_t> before = children_of(process.pid());
  folder.write("pool.json", R"({"wrokers": 2})");
  process.signal(SIGHUP);
  EXPECT_THAT(process.err().wait_for("wrokers"), HasSubstr("did you mean \"workers\"?"));
  process.err().wait_for("is unchanged");
  EXPECT_EQ(children_of(process.pid()), before);
  const std::size_t mark = process.err().size();
  folder.write("pool.json", good);
  process.signal(SIGHUP);
  process.err().wait_for("reload done", mark);
}

TEST(Signals, ttin_and_ttou_make_one_worker_more_and_one_fewer) {
  const Master master({binaries::worker("does_as_told")}, with_workers(2));
  master.wait_ready();
  master.signal(SIGTTIN);
  EXPECT_GT(master.worker(2), 0);
  EXPECT_THAT(master.workers(), SizeIs(3));
  master.signal(SIGTTOU);
  EXPECT_TRUE(eventually([&] { return master.workers().size() == 2; }));
  master.signal(SIGTTOU);
  EXPECT_TRUE(eventually([&] { return master.workers().size() == 1; }));
  master.signal(SIGTTOU);
  master.log().wait_for("refused");
  EXPECT_THAT(master.workers(), SizeIs(1));
}

TEST(Signals, usr1_prints_the_table) {
  const Master master({binaries::worker("does_as_told")}, with_workers(2));
  master.wait_ready();
  const std::size_t mark = master.log().size();
  master.signal(SIGUSR1);
  EXPECT_THAT(master.log().wait_for("  worker 1: ", mark),
              HasSubstr("pid " + std::to_string(master.worker(1)) + ", ready"));
  EXPECT_THAT(master.log().text().substr(mark), HasSubstr("2/2 workers ready, generation 1"));
}

TEST(Signals, the_title_tells_what_the_master_is) {
  const Master master({binaries::worker("does_as_told")}, with_workers(1));
  master.wait_ready();
  EXPECT_EQ(title_of(master.pid()), "preforkd: test master");
  EXPECT_EQ(comm_of(master.pid()), "preforkd");
}

}  // namespace
}  // namespace preforkd::component
