// SPDX-License-Identifier: MIT
#include "agent/agent_answer.hpp"

#include <gtest/gtest.h>

#include "dbus/words.hpp"

namespace preforkd::agent {
namespace {

KnownPool running(std::uint32_t ready, std::uint32_t target) {
  KnownPool pool;
  PoolSnapshot& answer = pool.answer.emplace();
  answer.state = dbus::state::running;
  answer.scaling = dbus::scaling::off;
  answer.ready_workers = ready;
  answer.target_workers = target;
  answer.min_workers = answer.max_workers = target;
  return pool;
}

KnownPool absent(const std::string& state, const std::string& remark = "") {
  KnownPool pool;
  pool.standing = {state, remark};
  return pool;
}

TEST(AgentAnswer, is_the_share_of_the_workers_that_are_ready) {
  EXPECT_EQ(agent_answer(running(4, 4)), "up 100%");
  EXPECT_EQ(agent_answer(running(3, 4)), "up 75%");
  EXPECT_EQ(agent_answer(running(5, 4)), "up 100%") << "one leaves";
  EXPECT_EQ(agent_answer(running(1, 1000)), "up 1%") << "0 would be a drain";
}

TEST(AgentAnswer, is_less_while_clients_wait) {
  KnownPool pool = running(4, 4);
  pool.answer->listeners = {{"a", "127.0.0.1:80", 0, 128}, {"b", "127.0.0.1:81", 64, 128}, {"c", "/run/x", 0, 0}};
  EXPECT_EQ(agent_answer(pool), "up 50%");
  pool.answer->listeners[1].queued = 129;
  EXPECT_EQ(agent_answer(pool), "up 1%");
}

TEST(AgentAnswer, is_down_to_half_while_the_workers_are_busy) {
  EXPECT_EQ(agent_answer(running(4, 4), 10), "up 95%");
  EXPECT_EQ(agent_answer(running(4, 4), 100), "up 50%");
  EXPECT_EQ(agent_answer(running(2, 4), 50), "up 37%");
}

TEST(AgentAnswer, of_a_reload_is_that_of_its_workers) {
  KnownPool pool = running(4, 4);
  pool.answer->state = dbus::state::reloading;
  EXPECT_EQ(agent_answer(pool), "up 100%");
  pool.answer->ready_workers = 2;
  EXPECT_EQ(agent_answer(pool), "up 50%") << "max_unavailable";
}

TEST(AgentAnswer, sends_no_new_clients_to_a_pool_that_stops) {
  KnownPool pool = running(4, 4);
  pool.answer->state = dbus::state::stopping;
  EXPECT_EQ(agent_answer(pool), "up 0%");
}

TEST(AgentAnswer, sends_no_new_clients_to_a_drained_pool) {
  KnownPool pool = running(3, 4);
  pool.answer->drained = true;
  EXPECT_EQ(agent_answer(pool), "up 0% #drained by an operator");
  pool.answer->ready_workers = 0;
  EXPECT_EQ(agent_answer(pool).substr(0, 4), "down") << "HAProxy must know that it does not serve";
  pool = running(0, 0);
  pool.answer->scaling = dbus::scaling::automatic;
  pool.answer->drained = true;
  EXPECT_EQ(agent_answer(pool), "up 0% #drained by an operator");
}

TEST(AgentAnswer, is_down_without_a_worker) {
  KnownPool pool = running(0, 4);
  for (const char* const state : {dbus::state::starting, dbus::state::degraded, dbus::state::running}) {
    pool.answer->state = state;
    EXPECT_EQ(agent_answer(pool), "down #" + std::string(state) + ": no worker is ready");
  }
  pool.answer->scaling = "";
  pool.answer->min_workers = 0;
  EXPECT_EQ(agent_answer(pool).substr(0, 4), "down") << "an old version does not say how many it must have";
}

TEST(AgentAnswer, is_up_for_a_pool_that_starts_with_its_first_client) {
  KnownPool pool = running(0, 0);
  pool.answer->scaling = dbus::scaling::automatic;
  EXPECT_EQ(agent_answer(pool), "up 100%");
  pool.answer->state = dbus::state::degraded;
  EXPECT_EQ(agent_answer(pool), "down #degraded: no worker is ready");
  EXPECT_EQ(agent_answer(absent(standing::waiting, "for its first connection")), "up 100%");
}

TEST(AgentAnswer, names_why_a_pool_does_not_run) {
  EXPECT_EQ(agent_answer(absent(standing::stopped)), "stopped #the pool is stopped");
  EXPECT_EQ(agent_answer(absent(standing::not_running)), "stopped #the pool is stopped");
  EXPECT_EQ(agent_answer(absent(standing::failed, "exit 7\n")), "fail #exit 7\\n");
  EXPECT_EQ(unknown_answer("there is no such pool"), "fail #there is no such pool");
}

TEST(AgentAnswer, changes_nothing_while_the_state_is_not_known) {
  EXPECT_EQ(agent_answer(absent(standing::no_answer, "its master does not answer")),
            "#no answer (its master does not answer)");
  EXPECT_EQ(agent_answer(absent(standing::no_bus)), "#no bus");
  EXPECT_EQ(agent_answer(absent(dbus::state::starting)), "#starting") << "workers may serve on";
  EXPECT_EQ(neutral_answer("a\nb"), "#a\\nb");
}

}  // namespace
}  // namespace preforkd::agent
