// SPDX-License-Identifier: MIT
#include "master/report/pool_log.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>

#include "fakes/fake_launcher.hpp"

namespace preforkd {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class HeldClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const noexcept override { return time; }
  Instant time{hours(1)};
};

class PoolLogTest : public testing::Test {
 protected:
  PoolLogTest() : log_([this](WorkerId) { return facts_; }, clock_) {
    log::open(log::Sink::prefixed, log::Level::info);
    log_.on_state_changed(PoolState::starting, PoolState::running);
  }

  template <class Call>
  std::string line_of(Call call) {
    testing::internal::CaptureStderr();
    call();
    return testing::internal::GetCapturedStderr();
  }

  [[nodiscard]] ExitRecord crash(int signal = SIGKILL) const {
    ExitRecord exit;
    exit.pid = 4711;
    exit.slot = 1;
    exit.cause = ExitCause::signal;
    exit.status = {ExitStatus::Kind::signaled, signal, {}};
    exit.started_at = clock_.time - seconds(182);
    exit.ended_at = clock_.time;
    exit.was_ready = true;
    exit.failed = true;
    return exit;
  }
  std::string said_of(const ExitRecord& exit) {
    return line_of([&] { log_.on_worker_exited(exit); });
  }

  HeldClock clock_;
  WorkerFacts facts_{4711, "", {}, {.counts = true, .connections = 12, .requests_total = 100}, ""};
  PoolLog log_;
};

TEST_F(PoolLogTest, says_what_died_why_and_what_is_done) {
  EXPECT_EQ(said_of(crash()),
            "<4>worker 1 (pid 4711, generation 1) died: signal 9 (SIGKILL) after 3min 2s, 12 connections lost; "
            "replacing now\n");
}

TEST_F(PoolLogTest, names_the_process_of_a_worker_that_could_not_be_adopted) {
  facts_ = {};
  EXPECT_TRUE(said_of(crash()).starts_with("<4>worker 1 (pid 4711, generation 1) died")) << said_of(crash());
}

TEST_F(PoolLogTest, says_what_became_of_the_connections_of_a_worker_with_a_keeper) {
  ExitRecord exit = crash();
  exit.moves = true;
  EXPECT_NE(said_of(exit).find(", 12 connections lost; "), std::string::npos) << "its keeper died before it";
  facts_.remains = "pid 4712 (keeper)";
  EXPECT_NE(said_of(exit).find(", with 12 connections, those at rest left to its keeper; "), std::string::npos)
      << said_of(exit);
  WorkerView worker;
  worker.slot = 1;
  worker.remains = worker.moves = true;
  worker.drain_deadline = clock_.time + seconds(30);
  EXPECT_EQ(line_of([&] { log_.on_worker_remains(worker); }), "");
  EXPECT_EQ(line_of([&] { log_.on_remains_gone(worker); }), "");
  worker.kept = {12, 0};
  EXPECT_EQ(line_of([&] { log_.on_remains_gone(worker); }),
            "<6>worker 1 (pid 4711, generation 1): 12 connections moved to other workers, 0 closed\n");
  worker.kept = {9, 3};
  EXPECT_EQ(line_of([&] { log_.on_remains_gone(worker); }),
            "<4>worker 1 (pid 4711, generation 1): 9 connections moved to other workers, 3 closed\n");
  facts_.remains = "pid 4712 (keeper), pid 4713 (sh)";
  EXPECT_NE(line_of([&] { log_.on_worker_remains(worker); }), "");
}

// In the same words as of one that ends later.
TEST_F(PoolLogTest, says_what_a_keeper_has_done_that_was_faster_than_the_search_for_it) {
  ExitRecord exit = crash();
  exit.moves = true;
  exit.kept = {9, 3};
  EXPECT_EQ(said_of(exit),
            "<4>worker 1 (pid 4711, generation 1) died: signal 9 (SIGKILL) after 3min 2s, with 12 connections, those "
            "at rest left to its keeper; replacing now\n"
            "<4>worker 1 (pid 4711, generation 1): 9 connections moved to other workers, 3 closed\n");
  exit.kept = {12, 0};
  exit.failed = false;
  exit.cause = ExitCause::operator_request;
  EXPECT_EQ(said_of(exit),
            "<6>worker 1 (pid 4711, generation 1) left (operator): signal 9 (SIGKILL) after 3min 2s\n"
            "<6>worker 1 (pid 4711, generation 1): 12 connections moved to other workers, 0 closed\n");
}

TEST_F(PoolLogTest, says_that_nobody_noticed) {
  facts_.counters.connections = 0;
  EXPECT_NE(said_of(crash()).find(", no connection lost; "), std::string::npos);
}

TEST_F(PoolLogTest, says_that_a_slot_stays_down) {
  ExitRecord last = crash();
  last.status = {ExitStatus::Kind::exited, 78, {}};
  last.follow = Follow::down;
  EXPECT_NE(said_of(last).find("; not tried again before a reload or recycle: restart.never lists this status\n"),
            std::string::npos);
}

TEST_F(PoolLogTest, counts_crashes_in_a_row) {
  ExitRecord second = crash();
  second.started_at = clock_.time - seconds(10);
  second.crashes = 2;
  second.crashing_since = second.started_at;
  second.follow = Follow::waits;
  second.next_try_at = clock_.time + milliseconds(400);
  EXPECT_NE(said_of(second).find("crashed 2 times in 10s, next try in 400ms\n"), std::string::npos);
}

TEST_F(PoolLogTest, says_of_a_worker_whose_slot_is_not_empty_who_serves_there) {
  ExitRecord hung = crash(SIGABRT);
  hung.cause = ExitCause::hang;
  hung.follow = Follow::starting;
  EXPECT_TRUE(said_of(hung).ends_with("; its replacement is starting\n"));
  hung.follow = Follow::covered;
  EXPECT_TRUE(said_of(hung).ends_with("; its slot is served by another worker\n"));
  hung.follow = Follow::reload_ends;
  EXPECT_TRUE(said_of(hung).ends_with("; not replaced: the reload ends\n"));
  hung.follow = Follow::unwanted;
  EXPECT_TRUE(said_of(hung).ends_with("; not replaced: the pool has fewer workers now\n"));
}

TEST_F(PoolLogTest, tells_what_the_worker_said_last) {
  facts_ = {4711, "cannot open database", ENOENT, {}, ""};
  const std::string line = said_of(crash(SIGSEGV));
  EXPECT_NE(line.find("; it reported No such file or directory (ENOENT); its last status: cannot open database; "),
            std::string::npos)
      << line;
  EXPECT_EQ(line.find("connections"), std::string::npos) << line;
}

TEST_F(PoolLogTest, names_the_step_of_an_exec_that_failed) {
  facts_.counters = {};
  ExitRecord exit = crash();
  exit.was_ready = false;
  exit.status = {ExitStatus::Kind::exec_failed, ENOENT, "execve"};
  exit.follow = Follow::waits;
  exit.next_try_at = clock_.time + seconds(1);
  EXPECT_EQ(said_of(exit),
            "<4>worker 1 (pid 4711, generation 1) could not be started: execve: No such file or directory (ENOENT); "
            "next try in 1s\n");
}

TEST_F(PoolLogTest, names_the_sandbox_where_an_exec_was_forbidden) {
  ExitRecord exit = crash();
  exit.status = {ExitStatus::Kind::exec_failed, EACCES, "execve"};
  EXPECT_NE(
      exit_sentence(exit).find("Permission denied (EACCES) (the pool's user may not execute it, or the sandbox of"),
      std::string::npos)
      << exit_sentence(exit);
  exit.status.step = "chdir";
  EXPECT_EQ(exit_sentence(exit), "could not be started: chdir: Permission denied (EACCES)");
}

TEST_F(PoolLogTest, says_how_many_connections_were_handed_over) {
  ExitRecord exit = crash();
  exit.failed = false;
  exit.cause = ExitCause::reloaded;
  exit.status = {ExitStatus::Kind::exited, 0, {}};
  EXPECT_EQ(exit_sentence(exit).find("handed over"), std::string::npos);
  exit.handed_over = 297;
  EXPECT_TRUE(exit_sentence(exit).starts_with("left (reloaded): exit status 0 after ")) << exit_sentence(exit);
  EXPECT_TRUE(exit_sentence(exit).ends_with(", 297 connections handed over")) << exit_sentence(exit);
}

TEST_F(PoolLogTest, says_in_the_history_what_a_keeper_has_done) {
  ExitRecord exit = crash();
  exit.kept = {297, 3};
  EXPECT_NE(exit_sentence(exit).find(", 300 connections: 297 moved, 3 closed"), std::string::npos)
      << exit_sentence(exit);
}

TEST_F(PoolLogTest, is_not_filled_by_a_worker_that_says_for_ever_what_was_not_taken) {
  WorkerView worker;
  worker.slot = 1;
  const auto lines = [&](int times) {
    const std::string text = line_of([&] {
      for (int i = 0; i < times; ++i) log_.on_not_taken(worker, {3});
    });
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(lines(10), 10);
  EXPECT_EQ(lines(1000), 6);
  clock_.time += minutes(1);
  EXPECT_EQ(lines(1), 1);
  worker.id = WorkerId{2};
  EXPECT_EQ(lines(1), 1);
}

TEST_F(PoolLogTest, tells_a_hang_from_a_crash) {
  ExitRecord exit = crash(SIGABRT);
  exit.cause = ExitCause::hang;
  EXPECT_NE(said_of(exit).find("died (hung): signal 6 (SIGABRT)"), std::string::npos);
}

TEST_F(PoolLogTest, gives_a_hint_when_a_program_ends_at_once_as_if_all_were_well) {
  ExitRecord exit = crash();
  exit.was_ready = false;
  exit.status = {ExitStatus::Kind::exited, 0, {}};
  EXPECT_NE(said_of(exit).find("(if the program went to the background, configure it to stay in the foreground)"),
            std::string::npos);
}

TEST_F(PoolLogTest, names_what_a_worker_leaves_behind_and_what_is_done) {
  facts_.remains = "pid 4712 (python3)";
  WorkerView worker;
  worker.slot = 1;
  worker.remains = true;
  EXPECT_EQ(line_of([&] { log_.on_worker_remains(worker); }), "") << "SIGKILL ends them at once";
  worker.drain_deadline = clock_.time + seconds(30);
  EXPECT_EQ(
      line_of([&] { log_.on_worker_remains(worker); }),
      "<4>worker 1 (pid 4711, generation 1) has left processes behind: pid 4712 (python3); they get the stop signal, "
      "and SIGKILL in 30s\n");
  EXPECT_EQ(line_of([&] { log_.on_remains_gone(worker); }),
            "<6>nothing is left of worker 1 (pid 4711, generation 1)\n");
  EXPECT_EQ(line_of([&] { log_.on_worker_killed(worker, ExitCause::drain_timeout, SIGKILL); }),
            "<4>what is left of worker 1 (pid 4711, generation 1) gets signal 9 (SIGKILL) (did not drain in time)\n");
}

TEST_F(PoolLogTest, is_quiet_about_what_goes_as_it_should_while_the_pool_stops) {
  ExitRecord exit = crash();
  exit.failed = false;
  exit.cause = ExitCause::reloaded;
  exit.status = {ExitStatus::Kind::exited, 0, {}};
  EXPECT_EQ(said_of(exit), "<6>worker 1 (pid 4711, generation 1) left (reloaded): exit status 0 after 3min 2s\n");
  log_.on_state_changed(PoolState::running, PoolState::stopping);
  EXPECT_EQ(said_of(exit), "");
  EXPECT_NE(said_of(crash()).find("; not replaced: the pool is stopping\n"), std::string::npos);
}

TEST_F(PoolLogTest, gives_the_reason_why_no_process_could_be_started) {
  const Error error = os_failure(EAGAIN, "cannot fork: ").value();
  EXPECT_EQ(
      line_of([&] { log_.on_launch_failed(2, error, clock_.time + milliseconds(100)); }),
      "<4>worker 2 cannot be started: cannot fork: Resource temporarily unavailable (EAGAIN); next try in 100ms\n");
  EXPECT_EQ(log_.launch_failure(2),
            "worker 2 cannot be started: cannot fork: Resource temporarily unavailable (EAGAIN)");
  EXPECT_EQ(log_.launch_failure(1), "");
  WorkerView worker;
  worker.slot = 2;
  log_.on_worker_started(worker);
  EXPECT_EQ(log_.launch_failure(2), "") << "it could be started in the end";
}

TEST_F(PoolLogTest, gives_each_slot_of_a_batch_its_own_reason) {
  fakes::FakeLauncher launcher;
  launcher.failures = {"no descriptors", "no memory"};
  PoolConfig config;
  config.workers = {.initial = 2, .min = 2, .max = 2};
  Pool pool(std::make_shared<const PoolConfig>(config), launcher, clock_, 1);
  pool.add_observer(log_);
  const std::string lines = line_of([&] { pool.step(event::Start{}); });
  EXPECT_NE(lines.find("worker 0 cannot be started: no descriptors; next try in "), std::string::npos) << lines;
  EXPECT_NE(lines.find("worker 1 cannot be started: no memory; next try in "), std::string::npos) << lines;
}

TEST(SpokenTime, is_as_precise_as_a_person_wants_it) {
  EXPECT_EQ(spoken_time(microseconds(1)), "1ms");
  EXPECT_EQ(spoken_time(microseconds(12'345)), "12ms");
  EXPECT_EQ(spoken_time(microseconds(1'250'000)), "1.3s");
  EXPECT_EQ(spoken_time(microseconds(10'020'000)), "10s");
  EXPECT_EQ(spoken_time(minutes(3) + milliseconds(2'100)), "3min 2s");
}

}  // namespace
}  // namespace preforkd
