// SPDX-License-Identifier: MIT
// Open connections outlive the workers that serve them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
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
#include "support/process.hpp"
#include "support/shown_pool.hpp"
#include "support/temp_dir.hpp"

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
    expect_all_known();  // by then they have moved
  }
}

TEST_F(Login, survives_a_smaller_pool) {
  log_in(60);
  for (const std::size_t left : {2U, 1U}) {
    master_.signal(SIGTTOU);
    ASSERT_TRUE(eventually([&] { return master_.workers().size() == left; }));
    expect_all_known();
  }
}

TEST_F(Login, survives_a_reload_within_a_reload) {
  log_in(100);
  const std::size_t mark = master_.log().size();
  const pid_t old = master_.worker(0);
  master_.signal(SIGHUP);
  ASSERT_NE(master_.worker(0, mark), old);
  master_.signal(SIGHUP);
  master_.log().wait_for("generation 3 is live", mark);
  expect_all_known();
}

TEST_F(Login, survives_a_resize_within_a_reload) {
  log_in(100);
  const std::size_t mark = master_.log().size();
  master_.signal(SIGHUP);
  master_.log().wait_for("drains: reloaded", mark);
  master_.signal(SIGTTOU);
  master_.log().wait_for("drains: scaled-down", mark);
  master_.log().wait_for("reload done", mark);
  ASSERT_TRUE(eventually([&] { return master_.workers().size() == 2; }));
  expect_all_known();
}

// Whichever of them the master sees first. No connection is on its way, since one whose taker dies in the moment in
// which it takes it may be closed.
class LoginAtRest : public Login {
 protected:
  LoginAtRest() : Login(3, {"--set", "restart.forget_after=1ms", "--set", "rebalance=off"}) {}
};

TEST_F(LoginAtRest, survives_all_workers_at_once) {
  log_in(30);
  std::size_t mark = 0;
  for (unsigned round = 0; round < 20; ++round) {
    const std::vector<pid_t> workers{master_.worker(0, mark), master_.worker(1, mark), master_.worker(2, mark)};
    expect_all_known();
    mark = master_.log().size();
    for (const pid_t worker : workers) wait_until_asleep(worker);
    for (const int signal : {SIGSTOP, SIGKILL}) {  // none takes what another one leaves, and dies in the middle of it
      for (const pid_t worker : workers) kill(worker, signal);
    }
  }
  for (unsigned slot = 0; slot < 3; ++slot) master_.worker(slot, mark);
  expect_all_known();
}

// Neither the clients of the dead worker nor those of the others wait longer than the master is stopped.
TEST_F(Login, survives_a_worker_that_is_killed_while_the_master_is_stopped) {
  log_in(100);
  const pid_t worker = master_.worker(0);
  wait_until_asleep(worker);
  master_.signal(SIGSTOP);
  kill(worker, SIGKILL);
  ASSERT_TRUE(eventually([&] { return status_field(worker, "State").starts_with('Z'); }));
  master_.signal(SIGCONT);
  expect_all_known();
}

// The one that takes is killed, too, as soon as it has begun.
TEST_F(Login, survives_giver_and_taker) {
  log_in(200);
  std::vector<pid_t> workers{master_.worker(0), master_.worker(1), master_.worker(2)};
  for (unsigned i = 0; i < 5; ++i) {
    const std::size_t mark = master_.log().size();
    const std::vector<unsigned> killed{i % 3, (i + 1) % 3};
    for (const pid_t worker : workers) wait_until_asleep(worker);
    for (const unsigned slot : killed) kill(workers[slot], SIGKILL);
    for (const unsigned slot : killed) workers[slot] = master_.worker(slot, mark);
    expect_all_known();
  }
}

// About as many as the default max_connections.
TEST_F(LoneLogin, survives_with_very_many_connections) {
  rlimit descriptors{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &descriptors), 0);
  descriptors.rlim_cur = std::min<rlim_t>(descriptors.rlim_max, 11'000);  // of this process, with both ends of pipes
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &descriptors), 0);
  log_in(9'900);
  std::size_t mark = master_.log().size();
  master_.signal(SIGHUP);
  master_.log().wait_for("9900 connections handed over", mark);
  expect_all_known();
  const pid_t worker = master_.worker(0, mark);
  wait_until_asleep(worker);
  mark = master_.log().size();
  kill(worker, SIGKILL);
  master_.log().wait_for("9900 connections moved to other workers, 0 closed", mark);
  expect_all_known();
}

TEST(LoginOnUnixSocket, survives_a_reload_and_a_kill) {
  const TempDir folder;
  Master::Options options = with_workers(2);
  options.listen = folder.path() + "/x.sock";
  const Master master({binaries::example("login")}, options);
  master.wait_ready();
  Client client(options.listen);
  EXPECT_THAT(client.ask("i am she"), HasSubstr("Welcome, she"));
  std::size_t mark = master.log().size();
  master.signal(SIGHUP);
  master.log().wait_for("reload done", mark);
  EXPECT_THAT(client.ask("who am i"), HasSubstr("she ("));
  for (unsigned slot = 0; slot < 2; ++slot) {
    const pid_t worker = master.worker(slot, mark);
    wait_until_asleep(worker);
    kill(worker, SIGKILL);
    EXPECT_THAT(client.ask("who am i"), HasSubstr("she ("));
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
    master_.log().wait_for("with 40 connections, those at rest left to its keeper", mark);
    master_.log().wait_for("40 connections moved to other workers, 0 closed", mark);
    worker = master_.worker(0, mark);
  }
}

// A stopped process does not even take SIGABRT: it ends by SIGKILL.
class HungLogin : public Login {
 protected:
  HungLogin() : Login(3, {"--set", "hang_timeout=2s", "--set", "drain_timeout=3s"}) {}
};

TEST_F(HungLogin, survives_a_worker_that_is_stopped) {
  log_in(60);
  const pid_t worker = master_.worker(0);
  wait_until_asleep(worker);
  const std::size_t mark = master_.log().size();
  kill(worker, SIGSTOP);
  master_.worker(0, mark);
  expect_all_known();
}

TEST_F(Login, does_not_hold_up_the_end_of_the_pool) {
  log_in(50);
  wait_until_asleep(master_.worker(0));
  kill(master_.worker(0), SIGKILL);
  EXPECT_EQ(master_.stop().status, 0);
}

// Clients of the same example in a pool that is on a bus.
class ShownLogin : public testing::Test {
 protected:
  explicit ShownLogin(const char* rebalance = "on-resize")
      : pool_({{"listen", {"127.0.0.1:0"}},
               {"program", {binaries::example("login")}},
               {"workers", {{"min", 1}, {"max", 4}}},
               {"rebalance", rebalance}}) {}

  void log_in(int count) {
    for (int i = 0; i < count; ++i) {
      clients_.emplace_back(pool_.master.address());
      ASSERT_THAT(clients_.back().ask("i am " + std::to_string(i)), HasSubstr("Welcome, " + std::to_string(i)));
    }
  }
  std::string ctl(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "--address=" + pool_.bus.address());
    return run(binaries::preforkctl, arguments).out;
  }

  ShownPool pool_;
  std::vector<Client> clients_;
};

TEST_F(ShownLogin, counts_what_a_smaller_pool_has_moved) {
  EXPECT_TRUE(pool_.call("Scale", "u", 2U).ok());
  ASSERT_TRUE(eventually([&] { return pool_.get("ReadyWorkers") == "2"; }));
  EXPECT_EQ(pool_.get("ConnectionsHandedOver"), "0");
  EXPECT_THAT(ctl({"status", "test"}), Not(HasSubstr("Moved:")));
  do log_in(1);
  while (pool_.get_worker(1, "Connections") == "0");
  const std::string given = pool_.get_worker(1, "Connections");
  EXPECT_TRUE(pool_.call("Scale", "u", 1U).ok());
  EXPECT_TRUE(eventually([&] { return pool_.get("ConnectionsHandedOver") == given; }));
  EXPECT_TRUE(eventually([&] { return pool_.get("ConnectionsAdopted") == given; }));
  EXPECT_EQ(pool_.get_worker(0, "ConnectionsAdopted"), given);
  EXPECT_EQ(pool_.get_worker(0, "ConnectionsHandedOver"), "0");
  EXPECT_EQ(pool_.get("ConnectionsClosedByKeepers"), "0");
  EXPECT_THAT(pool_.get("Closes"), HasSubstr("handed-over " + given + ' '));
  const std::string status = ctl({"status", "test"});
  EXPECT_THAT(status, HasSubstr(" Moved: " + given + " handed over, " + given + " adopted\n"));
  EXPECT_THAT(status, Not(HasSubstr("handed-over"))) << "the same again";
  EXPECT_THAT(ctl({"metrics", "test"}),
              HasSubstr("preforkd_connections_handed_over_total{pool=\"test\"} " + given + "\n"));
}

// Each of the pool's workers has about its share of the clients.
class UnevenLogin : public ShownLogin {
 protected:
  explicit UnevenLogin(const char* rebalance = "on-resize") : ShownLogin(rebalance) {}

  void grow() {
    EXPECT_TRUE(pool_.call("Scale", "u", 2U).ok());
    ASSERT_TRUE(eventually([&] { return pool_.get("ReadyWorkers") == "2"; }));
    log_in(40);
    EXPECT_TRUE(pool_.call("Scale", "u", 4U).ok());
    ASSERT_TRUE(eventually([&] { return pool_.get("ReadyWorkers") == "4"; }));
  }
  [[nodiscard]] bool is_even() {
    for (unsigned slot = 0; slot < 4; ++slot) {
      const int connections = std::stoi(pool_.get_worker(slot, "Connections"));
      if (connections < 9 || connections > 11) return false;
    }
    return true;
  }
  void expect_all_known() {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      ASSERT_THAT(clients_[i].ask("who am i"), MatchesRegex(std::to_string(i) + " \\(worker [0-9]+\\)"));
    }
  }
};

TEST_F(UnevenLogin, is_spread_when_the_pool_has_grown) {
  grow();
  EXPECT_TRUE(eventually([&] { return is_even(); }));
  expect_all_known();
  EXPECT_EQ(pool_.get("ConnectionsClosedByKeepers"), "0");
}

TEST_F(UnevenLogin, is_spread_when_a_killed_worker_is_replaced) {
  grow();
  ASSERT_TRUE(eventually([&] { return is_even(); }));
  const int pid = std::stoi(pool_.get_worker(2, "PID"));
  wait_until_asleep(pid);
  kill(pid, SIGKILL);
  ASSERT_TRUE(eventually([&] { return pool_.get_worker(2, "PID") != std::to_string(pid); }));
  EXPECT_TRUE(eventually([&] { return is_even(); }));
  expect_all_known();
}

class LeftLogin : public UnevenLogin {
 protected:
  LeftLogin() : UnevenLogin("off") {}
};

TEST_F(LeftLogin, is_spread_only_on_request) {
  grow();
  EXPECT_EQ(pool_.get_worker(2, "Connections"), "0");
  EXPECT_EQ(pool_.get_worker(3, "Connections"), "0");
  const std::size_t mark = pool_.master.log().size();
  ctl({"rebalance", "test"});
  pool_.master.log().wait_for("rebalance requested by uid", mark);
  EXPECT_TRUE(eventually([&] { return is_even(); }));
  expect_all_known();
}

TEST_F(ShownLogin, says_what_became_of_the_connections_of_a_worker_that_was_killed) {
  log_in(20);
  const auto received = std::stoull(pool_.get("BytesIn"));
  clients_.front().send("who");  // half a message
  ASSERT_TRUE(eventually([&] { return pool_.get("BytesIn") == std::to_string(received + 3); }));
  const int pid = std::stoi(pool_.get_worker(0, "PID"));
  wait_until_asleep(pid);
  kill(pid, SIGKILL);
  ASSERT_TRUE(eventually([&] { return pool_.get("ConnectionsHandedOver") == "19"; }));
  EXPECT_EQ(pool_.get("ConnectionsClosedByKeepers"), "1");
  EXPECT_TRUE(eventually([&] {
    return ctl({"why", "test"}).find(", 20 connections: 19 moved, 1 closed") != std::string::npos;
  }));
  EXPECT_THAT(ctl({"status", "test"}), HasSubstr(" Moved: 19 handed over, 19 adopted, 1 closed by keepers\n"));
  EXPECT_THAT(ctl({"metrics", "test"}), HasSubstr("preforkd_connections_closed_by_keepers_total{pool=\"test\"} 1\n"));
}

TEST_F(ShownLogin, says_when_no_worker_of_a_new_generation_takes_connections) {
  log_in(20);
  const std::size_t mark = pool_.master.log().size();
  pool_.master.reload({{"listen", {"127.0.0.1:0"}},
                       {"program", {binaries::example("login")}},
                       {"workers", {{"min", 1}, {"max", 4}}},
                       {"settings", {{"move_connections", false}}}});
  pool_.master.log().wait_for(": 20 connections not taken by other workers: 20 no-on-adopt", mark);
  EXPECT_THAT(ctl({"status", "test"}), HasSubstr(" Moved: not taken: 20 no-on-adopt\n"));
  EXPECT_THAT(ctl({"metrics", "test"}),
              HasSubstr("preforkd_connections_not_taken_total{pool=\"test\",reason=\"no-on-adopt\"} 20\n"));
  EXPECT_EQ(nlohmann::json::parse(ctl({"--json=short", "status", "test"}))["connections_not_taken"]["no-on-adopt"], 20);
}

}  // namespace
}  // namespace preforkd::component
