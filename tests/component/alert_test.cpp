// SPDX-License-Identifier: MIT
// Alerts about a pool that does not serve: the file that systemd's path unit watches, and starts that fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/errors.hpp"
#include "support/binaries.hpp"
#include "support/deadline.hpp"
#include "support/master.hpp"
#include "support/notify_receiver.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

class Alert : public testing::Test {
 protected:
  Alert() {
    fs::create_directory(runtime);
    options.environment = {{"RUNTIME_DIRECTORY", runtime}, {"NOTIFY_SOCKET", systemd.path()}};
  }

  void wait_for_alert(bool there) const {
    ASSERT_TRUE(eventually([&] { return fs::exists(alert) == there; })) << "the alert stays as it is";
  }
  [[nodiscard]] std::string text() const { return read_file(alert); }
  [[nodiscard]] Process service() const {
    return {binaries::preforkd, {"--config", config, "--socket-unit", "preforkd@test.socket"}, options};
  }
  void write_wrong() const { static_cast<void>(folder.write("test.json", R"({"wrkers": 1})")); }

  TempDir folder;
  NotifyReceiver systemd;
  std::string runtime = folder.file("runtime");
  std::string alert = runtime + "/alert";
  std::string config = folder.file("test.json");
  StartOptions options;
};

std::string shell_script(const TempDir& folder, const std::string& text) {
  const std::string path = folder.write("script.new", "#!/bin/sh\n" + text + "\n");
  fs::permissions(path, fs::perms::owner_all);
  fs::rename(path, folder.file("script"));
  return folder.file("script");
}

TEST_F(Alert, is_raised_once_for_workers_that_fail_and_taken_back_when_they_serve) {
  const std::string serves = "exec '" + binaries::worker("does_as_told") + "'";
  auto with =
      with_workers(2, {"--set", "alert_after=300ms", "--set", "restart.max_delay=50ms", "--set", "restart.delay=20ms"});
  with.start = options;
  Master master({shell_script(folder, "exit 3")}, with);
  wait_for_alert(true);
  EXPECT_THAT(text(), ContainsRegex("^pool \".*\": 0/2 workers ready, degraded.*\n$"));
  EXPECT_EQ(fs::status(alert).permissions(), fs::perms(0644));
  EXPECT_THAT(master.log().wait_for("alert: "), HasSubstr("does not serve as it should: 0/2 workers ready, degraded"));

  const std::size_t mended = master.log().size();
  shell_script(folder, serves);
  wait_for_alert(false);
  EXPECT_THAT(master.log().wait_for("the alert is over", mended), HasSubstr("2/2 workers ready"));
  EXPECT_THAT(master.log().text().substr(mended), Not(HasSubstr("not serve as it should")));

  shell_script(folder, "exit 3");
  for (const pid_t worker : master.workers()) ::kill(worker, SIGKILL);
  wait_for_alert(true);
  EXPECT_EQ(master.stop().status, 0);
  EXPECT_TRUE(fs::exists(alert)) << "a restart does not end the alert";
}

TEST_F(Alert, of_a_master_before_ends_in_this_one) {
  std::ofstream(alert) << "before\n";
  auto with = with_workers(1, {"--set", "alert_after=100ms"});
  with.start = options;
  Master master({binaries::worker("does_as_told")}, with);
  wait_for_alert(false);
  EXPECT_EQ(master.stop().status, 0);
}

TEST_F(Alert, is_only_in_the_log_by_hand) {
  const Master master({shell_script(folder, "exit 3")}, with_workers(1, {"--set", "alert_after=100ms"}));
  master.log().wait_for("alert: pool");
}

TEST_F(Alert, a_first_start_that_fails_is_told_at_once_and_a_second_raises_the_alert_and_lingers) {
  write_wrong();
  Process first = service();
  EXPECT_EQ(first.wait_exit().status, exit_code::config);
  EXPECT_THAT(first.err().wait_closed(), AllOf(HasSubstr("wrkers"), Not(HasSubstr("next try"))));
  EXPECT_FALSE(fs::exists(alert));

  Process second = service();
  second.err().wait_for("start failed 2 times in a row: next try in 1s, or when its config changes");
  EXPECT_THAT(text(), AllOf(HasSubstr("can't start: "), HasSubstr("wrkers")));
  EXPECT_THAT(systemd.wait_for("STATUS").fields.at("STATUS"), HasSubstr("wrkers"));
  systemd.wait_for("EXTEND_TIMEOUT_USEC");
  EXPECT_EQ(second.wait_exit().status, exit_code::config);

  Process third = service();
  third.err().wait_for("next try in 2s");
  EXPECT_THAT(third.err().text(), Not(HasSubstr("alert:")));
}

TEST_F(Alert, a_start_that_lingers_ends_when_its_config_changes_and_the_next_failure_is_a_first_one) {
  write_wrong();
  std::ofstream(runtime + "/failed-starts") << std::string(20, '.');
  Process lingers = service();
  lingers.err().wait_for("next try in 30s");
  static_cast<void>(folder.write("other.json", "{}"));
  const auto before = std::chrono::steady_clock::now();
  write_wrong();
  EXPECT_EQ(lingers.wait_exit().status, exit_code::config);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(15));
  Process next = service();
  EXPECT_EQ(next.wait_exit().status, exit_code::config);
  EXPECT_THAT(next.err().wait_closed(), Not(HasSubstr("next try")));
}

TEST_F(Alert, a_start_that_lingers_is_ended_by_sigterm_without_a_failure) {
  write_wrong();
  std::ofstream(runtime + "/failed-starts") << std::string(20, '.');
  Process lingers = service();
  lingers.err().wait_for("next try in 30s");
  systemd.wait_for("EXTEND_TIMEOUT_USEC");
  lingers.signal(SIGTERM);
  const Exit exit = lingers.wait_exit();
  EXPECT_TRUE(exit.status == 0 || exit.signal == SIGTERM);
}

TEST_F(Alert, failed_starts_of_long_ago_and_those_before_a_start_do_not_count) {
  write_wrong();
  std::ofstream(runtime + "/failed-starts") << std::string(20, '.');
  fs::last_write_time(runtime + "/failed-starts", fs::file_time_type::clock::now() - std::chrono::minutes(3));
  EXPECT_EQ(service().wait_exit().status, exit_code::config);

  static_cast<void>(folder.write(
      "test.json", R"({"listen": ["127.0.0.1:0"], "program": [")" + binaries::worker("does_as_told") + "\"]}"));
  Process starts = service();
  starts.err().wait_for("1/1 workers ready");
  EXPECT_FALSE(fs::exists(runtime + "/failed-starts"));
}

TEST_F(Alert, a_program_that_cannot_be_executed_lingers_as_well) {
  std::ofstream(runtime + "/failed-starts") << std::string(1, '.');
  const std::string file = folder.write("data", "no program");
  fs::permissions(file, fs::perms::owner_all);
  static_cast<void>(folder.write("test.json", R"({"listen": ["127.0.0.1:0"], "program": [")" + file + "\"]}"));
  Process lingers = service();
  lingers.err().wait_for("next try in 1s");
  EXPECT_THAT(text(), HasSubstr("cannot start a worker: "));
  EXPECT_EQ(lingers.wait_exit().status, exit_code::unavailable);
}

TEST_F(Alert, nothing_lingers_by_hand) {
  write_wrong();
  std::ofstream(runtime + "/failed-starts") << std::string(20, '.');
  EXPECT_EQ(Process(binaries::preforkd, {"--config", config}, options).wait_exit().status, exit_code::config);
  EXPECT_FALSE(fs::exists(alert));
}

}  // namespace
}  // namespace preforkd::component
