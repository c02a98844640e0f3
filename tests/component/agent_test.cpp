// SPDX-License-Identifier: MIT
// preforkd-agent with pools on a bus, asked as HAProxy asks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/errors.hpp"
#include "support/activated_service.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/fake_pool.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

FakePoolState pool_in_state(const std::string& name, const std::string& state) {
  FakePoolState pool;
  pool.name = name;
  pool.state = state;
  pool.workers = {{0, 5000, "ready", "", ""}};
  return pool;
}

class AgentCheck : public ActivatedService {
 protected:
  AgentCheck() : ActivatedService(binaries::preforkd_agent) {}

  // The whole answer, up to the end of the connection.
  [[nodiscard]] std::string ask(const std::string& pool) const {
    Client client(address());
    client.send(pool + '\n');
    return client.read_to_end();
  }
};

TEST_F(AgentCheck, answers_one_line_about_the_pool_and_closes) {
  const FakePool echo(bus_.address(), pool_in_state("echo", "running"));
  const FakePool web(bus_.address(), pool_in_state("web", "stopping"));
  start();
  EXPECT_THAT(ask("echo"), testing::MatchesRegex("up [0-9]+%\n"));
  EXPECT_EQ(ask("web"), "up 0%\n");
  EXPECT_EQ(ask("web\r"), "up 0%\n");
  EXPECT_EQ(ask("idle"), "stopped #the pool is stopped\n");
  EXPECT_EQ(ask("no.pool"), "fail #not the name of a pool\n");
  EXPECT_EQ(ask(""), "fail #not the name of a pool\n");
}

TEST_F(AgentCheck, a_pool_that_does_not_answer_changes_nothing_and_holds_up_no_other) {
  const FakePool echo(bus_.address(), pool_in_state("echo", "stopping"));
  FakePool silent(bus_.address(), pool_in_state("silent", "running"));
  silent.stay_silent("GetAll");
  start();
  EXPECT_EQ(ask("echo"), "up 0%\n");  // it has started
  Client waiting(address());
  waiting.send("silent\n");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(ask("echo"), "up 0%\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(900)) << "before the other's timeout";
  EXPECT_THAT(waiting.read_to_end(), StartsWith("#pool \"silent\": its master"));
}

TEST_F(AgentCheck, without_a_bus_changes_nothing_and_finds_one_that_was_restarted) {
  start();
  EXPECT_THAT(ask("echo"), StartsWith("stopped"));
  bus_.stop();
  EXPECT_THAT(ask("echo"), StartsWith("#cannot reach the bus"));
  bus_.start();
  const FakePool echo(bus_.address(), pool_in_state("echo", "stopping"));
  EXPECT_EQ(ask("echo"), "up 0%\n");
}

TEST_F(AgentCheck, a_question_that_the_bus_ends_with_is_answered) {
  FakePool silent(bus_.address(), pool_in_state("silent", "running"));
  silent.stay_silent("GetAll");
  start();
  Client waiting(address());
  waiting.send("silent\n");
  EXPECT_THAT(ask("other"), StartsWith("stopped"));  // so the agent has asked the silent one
  bus_.stop();
  EXPECT_THAT(waiting.read_to_end(), StartsWith("#"));
}

TEST_F(AgentCheck, ends_when_it_is_idle_and_leaves_a_socket_for_the_next_one) {
  const FakePool echo(bus_.address(), pool_in_state("echo", "stopping"));
  start("100ms");
  EXPECT_EQ(process_->wait_exit().status, exit_code::ok);
  Client waiting(address());
  waiting.send("echo\n");
  start("100ms");
  EXPECT_EQ(waiting.read_to_end(), "up 0%\n");
  EXPECT_EQ(process_->wait_exit().status, exit_code::ok);
}

}  // namespace
}  // namespace preforkd::component
