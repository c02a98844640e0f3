// SPDX-License-Identifier: MIT
#include "master/process/environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace preforkd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::Pair;

TEST(InheritedEnvironment, leaves_out_what_is_meant_for_the_master) {
  const char* const given[] = {"PATH=/bin",
                               "NOTIFY_SOCKET=/run/x",
                               "LISTEN_FDS=1",
                               "LISTEN_PID=1",
                               "LISTEN_FDNAMES=x",
                               "LISTEN_PIDFDID=7",
                               "WATCHDOG_PID=1",
                               "WATCHDOG_USEC=1",
                               "MAINPID=1",
                               "MANAGERPID=1",
                               "FDSTORE=10",
                               "SYSTEMD_EXEC_PID=1",
                               "PREFORK_POOL=x",
                               "PREFORK_CONTROL_FD=5",
                               "LANG=C",
                               "INVOCATION_ID=abc",
                               "JOURNAL_STREAM=8:1",
                               "NOASSIGNMENT",
                               "=x",
                               nullptr};
  EXPECT_THAT(inherited_environment(given, false),
              ElementsAre(Pair("INVOCATION_ID", "abc"), Pair("LANG", "C"), Pair("PATH", "/bin")));
  EXPECT_THAT(inherited_environment(given, true), Contains(Pair("JOURNAL_STREAM", "8:1")));
}

TEST(WorkerEnvironment, later_sources_override_earlier_ones_and_the_contract_wins) {
  PoolConfig config;
  config.environment = {{"A", "config"}, {"B", "config"}};
  worker_env::Contract contract;
  contract.pool = "echo";
  contract.slot = 2;
  const Environment inherited = {{"A", "inherited"}, {"B", "inherited"}, {"C", "inherited"}, {"PREFORK_POOL", "other"}};
  const auto environment = worker_environment(inherited, config, {{"B", "file"}}, contract);
  EXPECT_THAT(environment, Contains("A=config"));
  EXPECT_THAT(environment, Contains("B=file"));
  EXPECT_THAT(environment, Contains("C=inherited"));
  EXPECT_THAT(environment, Contains("PREFORK_POOL=echo"));
  EXPECT_THAT(environment, Contains("PREFORK_WORKER=2"));
  EXPECT_THAT(environment, Not(Contains("PREFORK_POOL=other")));
  EXPECT_THAT(environment, Not(Contains("A=inherited")));
}

}  // namespace
}  // namespace preforkd
