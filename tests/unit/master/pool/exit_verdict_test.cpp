// SPDX-License-Identifier: MIT
#include "master/pool/exit_verdict.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <memory>

namespace preforkd {
namespace {

using Kind = ExitStatus::Kind;

// A worker that was ready for a minute, until a test says otherwise.
class ExitVerdict : public ::testing::Test {
 protected:
  static WorkerRecord record() {
    WorkerRecord record;
    record.id = WorkerId{7};
    record.slot = 2;
    record.state = WorkerState::ready;
    record.started_at = start;
    record.ready_at = start;
    return record;
  }

  static std::shared_ptr<const Generation> generation() {
    PoolConfig config;
    config.stop_signal = SIGQUIT;
    return std::make_shared<const Generation>(Generation{3, std::make_shared<const PoolConfig>(config)});
  }

  void leave(std::optional<ExitCause> why) {
    worker.place = Place::leaving;
    worker.state = WorkerState::draining;
    worker.leaving = why;
  }

  [[nodiscard]] ExitRecord end(Kind kind, int value, bool oom = false) const {
    return judge(worker, {kind, value, {}}, oom, now);
  }

  static constexpr Instant start{std::chrono::hours(1)};
  static constexpr Instant now = start + std::chrono::minutes(1);
  Worker worker{record(), generation()};
};

TEST_F(ExitVerdict, tells_who_it_was_and_when) {
  const ExitRecord record = end(Kind::exited, 4);
  EXPECT_EQ(record.id, WorkerId{7});
  EXPECT_EQ(record.slot, 2U);
  EXPECT_EQ(record.generation, 3U);
  EXPECT_EQ(record.status.value, 4);
  EXPECT_EQ(record.started_at, start);
  EXPECT_EQ(record.ended_at, now);
  EXPECT_TRUE(record.was_ready);
}

TEST_F(ExitVerdict, what_nobody_asked_for_is_a_crash_but_for_a_clean_exit) {
  EXPECT_TRUE(end(Kind::exited, 1).failed);
  EXPECT_EQ(end(Kind::exited, 1).cause, ExitCause::exit);
  EXPECT_TRUE(end(Kind::signaled, SIGSEGV).failed);
  EXPECT_EQ(end(Kind::dumped, SIGSEGV).cause, ExitCause::signal);
  EXPECT_TRUE(end(Kind::exec_failed, ENOENT).failed);
  EXPECT_FALSE(end(Kind::exited, 0).failed);
  worker.ready_at = now - RespawnPolicy::short_life + Duration(1);
  EXPECT_TRUE(end(Kind::exited, 0).failed);
  worker.ready_at.reset();
  EXPECT_TRUE(end(Kind::exited, 0).failed);
  EXPECT_FALSE(end(Kind::exited, 0).was_ready);
}

// That of a worker that an earlier master has started.
TEST_F(ExitVerdict, an_unknown_status_is_a_crash_only_if_replacing_it_at_once_could_go_on_for_ever) {
  EXPECT_FALSE(end(Kind::unknown, 0).failed);
  EXPECT_EQ(end(Kind::unknown, 0).cause, ExitCause::exit);
  worker.ready_at = now - RespawnPolicy::short_life + Duration(1);
  EXPECT_TRUE(end(Kind::unknown, 0).failed);
  worker.ready_at.reset();
  EXPECT_TRUE(end(Kind::unknown, 0).failed);
  leave(ExitCause::reloaded);
  EXPECT_EQ(end(Kind::unknown, 0).cause, ExitCause::reloaded);
  EXPECT_FALSE(end(Kind::unknown, 0).failed);
}

TEST_F(ExitVerdict, who_was_asked_to_leave_ends_for_that_reason_however_it_does) {
  leave(ExitCause::reloaded);
  EXPECT_EQ(end(Kind::exited, 0).cause, ExitCause::reloaded);
  EXPECT_EQ(end(Kind::exited, 143).cause, ExitCause::reloaded);
  EXPECT_EQ(end(Kind::signaled, SIGQUIT).cause, ExitCause::reloaded) << "the stop signal itself";
  EXPECT_FALSE(end(Kind::signaled, SIGQUIT).failed);
  EXPECT_EQ(end(Kind::signaled, SIGSEGV).cause, ExitCause::signal);
}

TEST_F(ExitVerdict, who_was_killed_ends_for_that_reason) {
  leave(ExitCause::drain_timeout);
  worker.killed = true;
  EXPECT_EQ(end(Kind::signaled, SIGKILL).cause, ExitCause::drain_timeout);
  EXPECT_EQ(end(Kind::exited, 0).cause, ExitCause::drain_timeout);
  EXPECT_FALSE(end(Kind::signaled, SIGKILL).failed);
  worker.leaving = ExitCause::hang;
  worker.crash_counted = true;
  EXPECT_TRUE(end(Kind::dumped, SIGABRT).failed);
}

TEST_F(ExitVerdict, who_leaves_by_itself_has_crashed_only_with_another_status_than_zero) {
  leave(std::nullopt);
  EXPECT_FALSE(end(Kind::exited, 0).failed);
  EXPECT_TRUE(end(Kind::exited, 1).failed);
  EXPECT_TRUE(end(Kind::signaled, SIGKILL).failed);
}

TEST_F(ExitVerdict, an_operators_signal_is_named_only_if_it_ended_the_worker) {
  worker.operator_signal = SIGUSR2;
  worker.operator_signal_at = now - std::chrono::seconds(30);
  EXPECT_EQ(end(Kind::signaled, SIGUSR2).cause, ExitCause::operator_request);
  EXPECT_FALSE(end(Kind::signaled, SIGUSR2).failed);
  EXPECT_EQ(end(Kind::exited, 1).cause, ExitCause::exit) << "SIGUSR2 does not ask a worker to exit";
  EXPECT_EQ(end(Kind::signaled, SIGSEGV).cause, ExitCause::signal);
  worker.operator_signal = SIGTERM;
  EXPECT_EQ(end(Kind::exited, 1).cause, ExitCause::operator_request);
  worker.operator_signal_at -= Duration(1);
  EXPECT_EQ(end(Kind::exited, 1).cause, ExitCause::exit) << "the signal was more than drain_timeout ago";
  EXPECT_TRUE(end(Kind::exited, 1).failed);
}

TEST_F(ExitVerdict, out_of_memory_comes_first) {
  leave(ExitCause::reloaded);
  EXPECT_EQ(end(Kind::signaled, SIGKILL, true).cause, ExitCause::oom);
}

}  // namespace
}  // namespace preforkd
