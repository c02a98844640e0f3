// SPDX-License-Identifier: MIT
#include "master/environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "temp_folder.hpp"

namespace preforkd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::Pair;

TEST(InheritedEnvironment, LeavesOutWhatIsMeantForTheMaster) {
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

TEST(WorkerEnvironment, LaterSourcesOverrideEarlierOnesAndTheContractWins) {
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

TEST(EnvironmentFiles, LaterFilesOverrideEarlierOnesAndAreReadAnewEachTime) {
  const TempFolder folder;
  const std::vector<std::string> files = {folder.write("a", "A=1\nB=1"), folder.write("b", "B=2")};
  EXPECT_THAT(read_environment_files(files).value(), ElementsAre(Pair("A", "1"), Pair("B", "2")));
  folder.write("b", "B=3");
  EXPECT_THAT(read_environment_files(files).value(), ElementsAre(Pair("A", "1"), Pair("B", "3")));
}

TEST(EnvironmentFiles, AFileAfterADashMayBeMissingButNotBeWrong) {
  const TempFolder folder;
  const std::string none = folder.path("none");
  EXPECT_EQ(read_environment_files({none}).error(), none + ": No such file or directory (ENOENT)");
  EXPECT_TRUE(read_environment_files({'-' + none}).value().empty());
  const std::string bad = folder.write("bad", "A=1\nB='");
  EXPECT_EQ(read_environment_files({'-' + bad}).error(), bad + ": line 2: the quote is never closed");
  EXPECT_EQ(read_environment_files({'-' + folder.path()}).error(), folder.path() + ": is a directory, not a file");
}

TEST(EnvironmentFiles, RefuseVariablesOfTheContractAndTooLongOnes) {
  const TempFolder folder;
  const std::string taken = folder.write("taken", "LISTEN_FDS=3");
  EXPECT_EQ(read_environment_files({taken}).error(), taken + ": LISTEN_FDS is set by preforkd for each worker");
  const std::string longest = folder.write("long", "A=" + std::string(131069, 'x'));
  EXPECT_TRUE(read_environment_files({longest}));
  folder.write("long", "A=" + std::string(131070, 'x'));
  EXPECT_EQ(read_environment_files({longest}).error(), longest + ": A is longer than 131071 bytes, the limit");
}

}  // namespace
}  // namespace preforkd
