// SPDX-License-Identifier: MIT
#include "master/reload/reload_result.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace preforkd {
namespace {

using testing::ElementsAre;

ReloadFinished failed_worker() {
  ExitRecord failure;
  failure.slot = 2;
  failure.status = {ExitStatus::Kind::exited, 3, {}};
  return {.end = ReloadEnd::worker_failed, .generation = 5, .slot = 2, .failure = failure};
}

TEST(ReloadResult, of_a_commit_tells_the_generation) {
  const ReloadResult result = result_of({.end = ReloadEnd::done, .generation = 5}, 5);
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.generation, 5U);
  EXPECT_EQ(describe(result), "generation 5 is live");
}

TEST(ReloadResult, of_a_failure_names_slot_cause_and_status_and_where_to_read) {
  ReloadResult result = result_of(failed_worker(), 4);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.end, ReloadEnd::worker_failed);
  EXPECT_EQ(result.generation, 4U);
  EXPECT_EQ(result.slot, 2U);
  EXPECT_EQ(result.failure->status.value, 3);
  EXPECT_THAT(result.reasons, ElementsAre("slot 2: the new worker failed: exit status 3"));
  result.last_words = where_it_wrote(true, "echo", 2, 4711);
  EXPECT_EQ(describe(result),
            "slot 2: the new worker failed: exit status 3; the previous workers keep serving; output of the "
            "new worker: journalctl -t 'echo[2]' _PID=4711");
}

TEST(ReloadResult, of_a_worker_that_leaves_names_the_slot) {
  const ReloadResult result = result_of({.end = ReloadEnd::worker_failed, .slot = 1}, 4);
  EXPECT_EQ(result.slot, 1U);
  EXPECT_THAT(result.reasons, ElementsAre("slot 1: the new worker is exiting by itself (STOPPING=1)"));
}

TEST(ReloadResult, of_a_process_that_could_not_be_made_names_the_slot) {
  const ReloadResult result = result_of({.end = ReloadEnd::not_started, .slot = 1, .error = "no memory"}, 1);
  EXPECT_THAT(result.reasons, ElementsAre("slot 1: cannot start the new worker: no memory"));
  EXPECT_EQ(result.end, ReloadEnd::not_started);
  EXPECT_EQ(result.slot, 1U);
  EXPECT_FALSE(result.failure);
}

TEST(ReloadResult, of_a_newer_reload_or_a_stop_blames_no_worker) {
  EXPECT_EQ(describe(result_of({.end = ReloadEnd::superseded, .generation = 2}, 1)), "superseded by a newer reload");
  const ReloadResult stopped = result_of({.end = ReloadEnd::stopping, .generation = 2}, 1);
  EXPECT_EQ(describe(stopped), "the pool is stopping");
  EXPECT_FALSE(stopped.slot);
}

TEST(ReloadResult, last_words_are_where_the_workers_write) {
  EXPECT_EQ(where_it_wrote(true, "echo", 0, 0), "journalctl -t 'echo[0]'");
  EXPECT_EQ(where_it_wrote(false, "echo", 0, 1), "see the output of preforkd");
}

TEST(ReloadResult, ends_have_names) {
  EXPECT_EQ(to_string(ReloadEnd::worker_failed), "worker-failed");
  EXPECT_EQ(to_string(ReloadEnd::config), "config");
}

}  // namespace
}  // namespace preforkd
