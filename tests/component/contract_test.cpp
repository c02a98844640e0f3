// SPDX-License-Identifier: MIT
// The worker contract: what a program that the master starts gets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/unique_fd.hpp"
#include "support/binaries.hpp"
#include "support/master.hpp"
#include "support/notify_receiver.hpp"
#include "support/proc.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::StartsWith;
using testing::UnorderedElementsAre;

class Contract : public testing::Test {
 protected:
  // Starts a pool of reporters and waits until they have reported.
  Master start(const Master::Options& options, const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> program{binaries::worker("contract_reporter"), folder_.path()};
    program.insert(program.end(), arguments.begin(), arguments.end());
    return Master(program, options);
  }
  [[nodiscard]] json report_of(unsigned slot, pid_t pid) const {
    return json::parse(read_file(folder_.file(std::to_string(slot) + "." + std::to_string(pid))));
  }
  json report(const Master& master, unsigned slot = 0) const {
    master.wait_ready();
    return report_of(slot, master.worker(slot));
  }
  static std::map<std::string, std::string> environment_in(const json& report) {
    std::map<std::string, std::string> environment;
    for (const std::string variable : report["environment"]) {
      const std::size_t equals = variable.find('=');
      const bool first = environment.emplace(variable.substr(0, equals), variable.substr(equals + 1)).second;
      EXPECT_TRUE(first) << variable << " is there twice";
    }
    return environment;
  }
  static Master::Options one_worker() {
    Master::Options options;
    options.workers = 1;
    return options;
  }

  TempDir folder_;
};

TEST_F(Contract, exactly_the_contracts_descriptors_reach_a_worker) {
  const UniqueFd leak(::memfd_create("leak", 0));
  Master::Options options = one_worker();
  options.arguments = {"--listen", folder_.file("socket")};
  options.start.descriptors = {leak.get(), leak.get()};
  const Master master = start(options);
  const json descriptors = report(master)["descriptors"];
  ASSERT_EQ(descriptors.size(), 7U) << descriptors.dump(1);
  EXPECT_EQ(descriptors[0]["target"], "/dev/null");
  EXPECT_THAT(descriptors[1]["target"].get<std::string>(), StartsWith("pipe:"));
  EXPECT_THAT(descriptors[2]["target"].get<std::string>(), StartsWith("pipe:"));
  for (const std::size_t listener : {3U, 4U}) {
    EXPECT_EQ(descriptors[listener]["fd"], listener);
    EXPECT_EQ(descriptors[listener]["type"], SOCK_STREAM);
    EXPECT_EQ(descriptors[listener]["listens"], 1);
    EXPECT_EQ(descriptors[listener]["blocks"], true);
  }
  EXPECT_EQ(descriptors[5]["fd"], 5);
  EXPECT_EQ(descriptors[5]["type"], SOCK_SEQPACKET);
  EXPECT_EQ(descriptors[6]["fd"], 6);
  EXPECT_THAT(descriptors[6]["target"].get<std::string>(), StartsWith("/memfd:preforkd-stats"));
}

TEST_F(Contract, exactly_the_contracts_environment_reaches_a_worker) {
  NotifyReceiver systemd;
  Master::Options options = one_worker();
  options.arguments = {"--set", R"(settings={"max_message": "1K"})", "--set", "environment.MINE=from config",
                       "--set", "environment.INHERITED=replaced"};
  options.start.only_this_environment = true;
  options.start.environment = {{"PATH", "/usr/bin:/bin"},
                               {"TMPDIR", folder_.path()},
                               {"INHERITED", "from the shell"},
                               {"WITH_EQUALS", "a=b=c"},
                               {"EMPTY", ""},
                               // Variables that are for the master only, or that come from another service.
                               {"NOTIFY_SOCKET", systemd.path()},
                               {"LISTEN_PID", "1"},
                               {"LISTEN_FDS", "7"},
                               {"LISTEN_FDNAMES", "x"},
                               {"LISTEN_PIDFDID", "5"},
                               {"WATCHDOG_USEC", "60000000"},
                               {"MAINPID", "1"},
                               {"FDSTORE", "1"},
                               {"PREFORK_POOL", "another"},
                               {"PREFORK_CONTROL_FD", "99"}};
  const Master master = start(options);
  const json worker = report(master);
  std::map<std::string, std::string> environment = environment_in(worker);
  EXPECT_NE(environment["NOTIFY_SOCKET"], systemd.path());
  EXPECT_EQ(json::parse(environment["PREFORK_SETTINGS"]), json({{"max_message", "1K"}}));
  environment.erase("NOTIFY_SOCKET");
  environment.erase("PREFORK_SETTINGS");
  const std::string pid = std::to_string(worker["pid"].get<int>());
  EXPECT_THAT(environment,
              UnorderedElementsAre(
                  Pair("PATH", "/usr/bin:/bin"), Pair("TMPDIR", folder_.path()), Pair("INHERITED", "replaced"),
                  Pair("MINE", "from config"), Pair("WITH_EQUALS", "a=b=c"), Pair("EMPTY", ""), Pair("LISTEN_PID", pid),
                  Pair("LISTEN_FDS", "1"), Pair("LISTEN_FDNAMES", "test"), Pair("PREFORK_POOL", "test"),
                  Pair("PREFORK_WORKER", "0"), Pair("PREFORK_GENERATION", "1"), Pair("PREFORK_DRAIN_USEC", "30000000"),
                  Pair("PREFORK_CONTROL_FD", "4"), Pair("PREFORK_STATS_FD", "5")));
}

TEST_F(Contract, a_hang_timeout_reaches_a_worker_as_systemds_watchdog) {
  Master::Options options = one_worker();
  options.arguments = {"--set", "hang_timeout=1h"};
  const Master master = start(options);
  const json worker = report(master);
  EXPECT_THAT(environment_in(worker), Contains(Pair("WATCHDOG_USEC", "3600000000")));
  EXPECT_THAT(environment_in(worker), Contains(Pair("WATCHDOG_PID", std::to_string(worker["pid"].get<int>()))));
}

TEST_F(Contract, each_slot_has_its_number_and_every_worker_its_own_pid_and_notify_socket) {
  const Master master = start({});
  master.wait_ready();
  std::map<std::string, unsigned> sockets;
  for (unsigned slot = 0; slot < 3; ++slot) {
    const pid_t pid = master.worker(slot);
    const std::map<std::string, std::string> environment = environment_in(report_of(slot, pid));
    EXPECT_EQ(environment.at("PREFORK_WORKER"), std::to_string(slot));
    EXPECT_EQ(environment.at("LISTEN_PID"), std::to_string(pid));
    ++sockets[environment.at("NOTIFY_SOCKET")];
  }
  EXPECT_EQ(sockets.size(), 3U);
}

TEST_F(Contract, signals_are_at_their_defaults_and_none_is_blocked_whatever_the_master_was_given) {
  Master::Options options = one_worker();
  options.start.ignored_signals = {SIGPIPE, SIGUSR2, SIGCHLD, SIGTTOU, SIGRTMIN};
  options.start.blocked_signals = {SIGUSR2, SIGALRM, SIGRTMIN + 3};
  // A sanitizer's runtime in the reporter would take these for itself.
  options.start.environment = {{"ASAN_OPTIONS", "handle_segv=0:handle_sigbus=0:handle_sigfpe=0"}};
  const Master master = start(options);
  const json worker = report(master);
  EXPECT_THAT(worker["blocked"], IsEmpty());
  EXPECT_THAT(worker["not_default"], IsEmpty());
}

TEST_F(Contract, a_worker_gets_its_stop_signal_when_the_master_dies) {
  EXPECT_EQ(report(start(one_worker()))["death_signal"], SIGTERM);
  Master::Options options = one_worker();
  options.arguments = {"--set", "stop_signal=SIGQUIT"};
  EXPECT_EQ(report(start(options))["death_signal"], SIGQUIT);
}

// NOTIFY_SOCKET may be that of systemd, or that of another service, from the environment of a shell.
TEST_F(Contract, a_worker_gets_its_stop_signal_when_the_master_dies_under_systemd_too) {
  NotifyReceiver systemd;
  Master::Options options = one_worker();
  options.start.environment = {{"NOTIFY_SOCKET", systemd.path()}};
  EXPECT_EQ(report(start(options))["death_signal"], SIGTERM);
}

TEST_F(Contract, a_worker_runs_where_the_master_was_started_or_in_the_configs_directory) {
  Master::Options options = one_worker();
  options.start.directory = folder_.path();
  EXPECT_EQ(report(start(options))["directory"], std::filesystem::canonical(folder_.path()).string());
  options.arguments = {"--set", "directory=/"};
  EXPECT_EQ(report(start(options))["directory"], "/");
}

TEST_F(Contract, a_worker_is_in_a_session_of_its_own) {
  const json worker = report(start(one_worker()));
  EXPECT_EQ(worker["session"], worker["pid"]);
}

TEST_F(Contract, arguments_reach_the_program_as_they_are) {
  const json worker = report(start(one_worker(), {"", "two words", "--listen", "\\ \" ' $HOME *", "--", "ünï"}));
  EXPECT_THAT(worker["arguments"], ElementsAre(binaries::worker("contract_reporter"), folder_.path(), "", "two words",
                                               "--listen", "\\ \" ' $HOME *", "--", "ünï"));
}

TEST_F(Contract, environment_files_are_read_anew_for_each_worker) {
  const std::string file = folder_.write("variables", "FROM_FILE=first\n");
  Master::Options options = one_worker();
  options.arguments = {"--set", R"(environment_files=[")" + file + R"("])"};
  const Master master = start(options);
  const pid_t first = master.worker(0);
  EXPECT_EQ(environment_in(report_of(0, first)).at("FROM_FILE"), "first");
  folder_.write("variables", "FROM_FILE=second\n");
  const std::size_t mark = master.log().size();
  ::kill(first, SIGKILL);
  EXPECT_EQ(environment_in(report_of(0, master.worker(0, mark))).at("FROM_FILE"), "second");
}

}  // namespace
}  // namespace preforkd::component
