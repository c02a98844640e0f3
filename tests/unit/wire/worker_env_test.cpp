// SPDX-License-Identifier: MIT
#include "wire/worker_env.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace preforkd::worker_env {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class WorkerEnvTest : public testing::Test {
 protected:
  void SetUp() override { unset_all(); }
  void TearDown() override { unset_all(); }

  static void set(const char* name, const std::string& value) { ASSERT_EQ(::setenv(name, value.c_str(), 1), 0); }
  static void set_own_pid(const char* name) { set(name, std::to_string(::getpid())); }
  static void set_all(const std::vector<std::string>& variables) {
    for (const std::string& variable : variables) {
      const std::size_t equals = variable.find('=');
      set(variable.substr(0, equals).c_str(), variable.substr(equals + 1));
    }
  }
  static std::string failure() {
    const Result<Given> given = decode();
    return given ? "no failure" : given.error().text;
  }
};

Contract full_contract() {
  Contract contract;
  contract.pool = "echo";
  contract.slot = 2;
  contract.generation = 7;
  contract.settings = R"({"max_message":"64K"})";
  contract.listen_names = {"http", "admin"};
  contract.notify_socket = "@notify";
  contract.watchdog = std::chrono::seconds(5);
  contract.drain = std::chrono::seconds(30);
  contract.control_fd = 6;
  contract.stats_fd = 7;
  return contract;
}

TEST_F(WorkerEnvTest, every_part_of_a_contract_is_one_variable) {
  EXPECT_THAT(encode(full_contract()),
              UnorderedElementsAre("PREFORK_POOL=echo", "PREFORK_WORKER=2", "PREFORK_GENERATION=7",
                                   R"(PREFORK_SETTINGS={"max_message":"64K"})", "LISTEN_FDS=2",
                                   "LISTEN_FDNAMES=http:admin", "NOTIFY_SOCKET=@notify", "WATCHDOG_USEC=5000000",
                                   "PREFORK_DRAIN_USEC=30000000", "PREFORK_CONTROL_FD=6", "PREFORK_STATS_FD=7"));
}

TEST_F(WorkerEnvTest, absent_parts_are_no_variables) {
  Contract contract;
  contract.pool = "p";
  EXPECT_THAT(encode(contract), UnorderedElementsAre("PREFORK_POOL=p", "PREFORK_WORKER=0", "PREFORK_GENERATION=1"));
}

TEST_F(WorkerEnvTest, what_the_master_writes_the_worker_reads) {
  set_all(encode(full_contract()));
  set_own_pid(listen_pid);
  set_own_pid(watchdog_pid);
  const Result<Given> given = decode();
  ASSERT_TRUE(given) << given.error().text;
  ASSERT_TRUE(given->member);
  EXPECT_EQ(given->member->pool, "echo");
  EXPECT_EQ(given->member->slot, 2U);
  EXPECT_EQ(given->member->generation, 7U);
  EXPECT_THAT(given->listen_names, ElementsAre("http", "admin"));
  EXPECT_EQ(given->notify_socket, "@notify");
  EXPECT_EQ(given->watchdog, std::chrono::seconds(5));
  EXPECT_EQ(given->drain, std::chrono::seconds(30));
  EXPECT_EQ(given->settings, full_contract().settings);
  EXPECT_EQ(given->control_fd, 6);
  EXPECT_EQ(given->stats_fd, 7);
}

TEST_F(WorkerEnvTest, an_empty_environment_gives_nothing_and_no_failure) {
  const Result<Given> given = decode();
  ASSERT_TRUE(given) << given.error().text;
  EXPECT_FALSE(given->member);
  EXPECT_THAT(given->listen_names, IsEmpty());
  EXPECT_EQ(given->notify_socket, "");
  EXPECT_FALSE(given->watchdog);
  EXPECT_FALSE(given->drain);
  EXPECT_EQ(given->settings, "");
  EXPECT_EQ(given->control_fd, -1);
  EXPECT_EQ(given->stats_fd, -1);
}

TEST_F(WorkerEnvTest, sockets_of_systemd_count_without_a_pool) {
  set_own_pid(listen_pid);
  set(listen_fds, "1");
  set(notify_socket, "/run/systemd/notify");
  const Result<Given> given = decode();
  ASSERT_TRUE(given) << given.error().text;
  EXPECT_FALSE(given->member);
  EXPECT_THAT(given->listen_names, ElementsAre("unknown"));
  EXPECT_EQ(given->notify_socket, "/run/systemd/notify");
}

TEST_F(WorkerEnvTest, sockets_and_watchdog_of_another_process_do_not_count) {
  set(listen_pid, "1");
  set(listen_fds, "junk that is not ours to judge");
  set(watchdog_pid, "1");
  set(watchdog_usec, "1000");
  const Result<Given> given = decode();
  ASSERT_TRUE(given) << given.error().text;
  EXPECT_THAT(given->listen_names, IsEmpty());
  EXPECT_FALSE(given->watchdog);
}

TEST_F(WorkerEnvTest, sockets_and_watchdog_without_a_pid_do_not_count) {
  set(listen_fds, "1");
  set(watchdog_usec, "1000");
  const Result<Given> given = decode();
  ASSERT_TRUE(given) << given.error().text;
  EXPECT_THAT(given->listen_names, IsEmpty());
  EXPECT_FALSE(given->watchdog);
}

TEST_F(WorkerEnvTest, empty_names_are_kept_in_place) {
  set_own_pid(listen_pid);
  set(listen_fds, "3");
  set(listen_fdnames, ":b:");
  const Result<Given> given = decode();
  ASSERT_TRUE(given) << given.error().text;
  EXPECT_THAT(given->listen_names, ElementsAre("", "b", ""));
}

TEST_F(WorkerEnvTest, names_that_do_not_match_the_sockets_are_a_failure) {
  set_own_pid(listen_pid);
  set(listen_fds, "2");
  set(listen_fdnames, "a:b:c");
  EXPECT_EQ(failure(), "LISTEN_FDNAMES=a:b:c does not name each of the 2 sockets");
}

TEST_F(WorkerEnvTest, a_count_of_sockets_that_cannot_be_is_a_failure) {
  set_own_pid(listen_pid);
  set(listen_fds, "-1");
  EXPECT_EQ(failure(), "LISTEN_FDS=-1 is not a number");
  set(listen_fds, "1x");
  EXPECT_EQ(failure(), "LISTEN_FDS=1x is not a number");
  set(listen_fds, "");
  EXPECT_EQ(failure(), "LISTEN_FDS= is not a number");
  set(listen_fds, "2000000000");
  EXPECT_EQ(failure(), "LISTEN_FDS=2000000000 is above 4096");
  set(listen_fds, "99999999999999999999999");
  EXPECT_THAT(failure(), HasSubstr("is above 4096"));
}

TEST_F(WorkerEnvTest, a_malformed_pid_is_a_failure) {
  set(listen_pid, "12 ");
  EXPECT_EQ(failure(), "LISTEN_PID=12  is not a number");
  unset_all();
  set(watchdog_pid, "abc");
  EXPECT_EQ(failure(), "WATCHDOG_PID=abc is not a number");
}

TEST_F(WorkerEnvTest, a_watchdog_interval_that_cannot_be_is_a_failure) {
  set_own_pid(watchdog_pid);
  set(watchdog_usec, "0");
  EXPECT_EQ(failure(), "WATCHDOG_USEC=0 is not an interval");
  set(watchdog_usec, "5s");
  EXPECT_EQ(failure(), "WATCHDOG_USEC=5s is not a number");
  set(watchdog_usec, "18446744073709551615");
  EXPECT_THAT(failure(), HasSubstr("is above"));
}

TEST_F(WorkerEnvTest, a_malformed_descriptor_is_a_failure) {
  set(control_fd, "-1");
  EXPECT_EQ(failure(), "PREFORK_CONTROL_FD=-1 is not a number");
  unset_all();
  set(stats_fd, "2147483648");
  EXPECT_EQ(failure(), "PREFORK_STATS_FD=2147483648 is above 2147483647");
}

TEST_F(WorkerEnvTest, a_pool_of_which_a_part_is_missing_is_a_failure) {
  set(pool, "echo");
  EXPECT_EQ(failure(), "PREFORK_WORKER is missing");
  set(worker, "0");
  EXPECT_EQ(failure(), "PREFORK_GENERATION is missing");
  set(generation, "one\n");
  EXPECT_EQ(failure(), "PREFORK_GENERATION=one\\n is not a number");
}

TEST_F(WorkerEnvTest, every_variable_of_the_contract_is_known_and_no_other) {
  for (const std::string& variable : encode(full_contract())) {
    EXPECT_TRUE(is_contract_variable(variable.substr(0, variable.find('=')))) << variable;
  }
  for (const char* name : {"LISTEN_PID", "LISTEN_PIDFDID", "WATCHDOG_PID"})
    EXPECT_TRUE(is_contract_variable(name)) << name;
  for (const char* name : {"PATH", "LISTEN", "LISTEN_FDS2", "PREFORK_", "", "listen_fds"}) {
    EXPECT_FALSE(is_contract_variable(name)) << name;
  }
}

TEST_F(WorkerEnvTest, nothing_of_the_contract_is_left_for_a_workers_children) {
  set_all(encode(full_contract()));
  set(listen_pid, "1");
  set("PREFORK_MINE", "stays");
  unset_all();
  EXPECT_EQ(std::getenv(listen_pid), nullptr);
  EXPECT_EQ(std::getenv(pool), nullptr);
  EXPECT_EQ(std::getenv(stats_fd), nullptr);
  EXPECT_STREQ(std::getenv("PREFORK_MINE"), "stays");
  ::unsetenv("PREFORK_MINE");
}

}  // namespace
}  // namespace preforkd::worker_env
