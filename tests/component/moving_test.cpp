// SPDX-License-Identifier: MIT
// Open connections outlive the workers that serve them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/configured_master.hpp"
#include "support/deadline.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

// Clients of the example that logs in, each with a name of its own.
class Login : public testing::Test {
 protected:
  explicit Login(unsigned workers = 3, std::vector<std::string> arguments = {})
      : master_({binaries::example("login")}, with_workers(workers, std::move(arguments))) {
    master_.wait_ready();
  }

  void log_in(int count) {
    for (int i = 0; i < count; ++i) {
      clients_.emplace_back(master_.address());
      ASSERT_THAT(clients_.back().ask("i am " + std::to_string(i)), HasSubstr("Welcome, " + std::to_string(i)));
    }
  }
  void expect_all_known() {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      ASSERT_THAT(clients_[i].ask("who am i"), MatchesRegex(std::to_string(i) + " \\(worker [0-9]+\\)"));
    }
  }

  Master master_;
  std::vector<Client> clients_;
};

class LoneLogin : public Login {
 protected:
  LoneLogin() : Login(1) {}
};

TEST_F(Login, survives_reloads) {
  log_in(100);
  for (int i = 0; i < 5; ++i) {
    const std::size_t mark = master_.log().size();
    master_.signal(SIGHUP);
    master_.log().wait_for("reload done", mark);
    expect_all_known();
  }
}

TEST_F(Login, survives_workers_that_are_killed) {
  log_in(100);
  std::vector<pid_t> workers{master_.worker(0), master_.worker(1), master_.worker(2)};
  for (unsigned i = 0; i < 6; ++i) {
    const std::size_t mark = master_.log().size();
    wait_until_asleep(workers[i % 3]);
    kill(workers[i % 3], SIGKILL);
    expect_all_known();
    workers[i % 3] = master_.worker(i % 3, mark);
  }
}

// Each keeper is found, although the search for what a worker leaves behind has a budget.
class LoginInAStorm : public Login {
 protected:
  LoginInAStorm() : Login(3, {"--set", "restart.forget_after=1ms"}) {}
};

TEST_F(LoginInAStorm, survives_a_hundred_kills) {
  log_in(20);
  std::vector<pid_t> workers{master_.worker(0), master_.worker(1), master_.worker(2)};
  for (unsigned i = 0; i < 100; ++i) {
    const std::size_t mark = master_.log().size();
    wait_until_asleep(workers[i % 3]);
    kill(workers[i % 3], SIGKILL);
    workers[i % 3] = master_.worker(i % 3, mark);
  }
  expect_all_known();
}

TEST_F(Login, survives_a_smaller_pool) {
  log_in(60);
  for (const std::size_t left : {2U, 1U}) {
    master_.signal(SIGTTOU);
    ASSERT_TRUE(eventually([&] { return master_.workers().size() == left; }));
    expect_all_known();
  }
}

// The keeper waits until the replacement is ready.
TEST_F(LoneLogin, survives_the_only_worker) {
  log_in(50);
  wait_until_asleep(master_.worker(0));
  kill(master_.worker(0), SIGKILL);
  expect_all_known();
}

TEST_F(LoneLogin, shows_what_its_keeper_is) {
  const std::vector<pid_t> children = children_of(master_.worker(0));
  ASSERT_EQ(children.size(), 1U);
  EXPECT_TRUE(eventually([&] { return title_of(children.front()).ends_with("[0]: keeper"); }))
      << title_of(children.front());
}

// The line about the keeper's work comes for each kill, and its figures are whole.
TEST_F(LoneLogin, says_what_became_of_the_connections) {
  log_in(40);
  pid_t worker = master_.worker(0);
  for (int i = 0; i < 5; ++i) {
    const std::size_t mark = master_.log().size();
    wait_until_asleep(worker);
    kill(worker, SIGKILL);
    master_.log().wait_for("40 connections left to its keeper", mark);
    master_.log().wait_for("40 connections moved to other workers, 0 closed", mark);
    worker = master_.worker(0, mark);
  }
}

TEST_F(Login, does_not_hold_up_the_end_of_the_pool) {
  log_in(50);
  wait_until_asleep(master_.worker(0));
  kill(master_.worker(0), SIGKILL);
  EXPECT_EQ(master_.stop().status, 0);
}

}  // namespace
}  // namespace preforkd::component
