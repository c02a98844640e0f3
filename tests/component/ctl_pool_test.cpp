// SPDX-License-Identifier: MIT
// preforkctl and preforkd together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/message_bus.hpp"
#include "support/process.hpp"
#include "support/pseudo_terminal.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class CtlPool : public testing::Test {
 protected:
  CtlPool() {
    write(config_);
    StartOptions options;
    options.directory = folder_.path();
    master_.emplace(binaries::preforkd, std::vector<std::string>{"--config", "echo.json", "--bus", bus_.address()},
                    options);
    EXPECT_TRUE(eventually([&] { return ctl({"status", "echo"}).status == 0; }));
  }

  void write(const json& config) const { static_cast<void>(folder_.write("echo.json", config.dump())); }
  Ended ctl(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "--address=" + bus_.address());
    return run(binaries::preforkctl, arguments);
  }
  json ctl_json(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json=short");
    return json::parse(ctl(arguments).out);
  }

  MessageBus bus_;
  TempDir folder_;
  json config_{{"description", "Line echo"},
               {"listen", {"127.0.0.1:0"}},
               {"program", {binaries::prefork_echo}},
               {"workers", {{"min", 2}, {"max", 4}}}};
  std::optional<Process> master_;
};

TEST_F(CtlPool, is_listed_and_its_state_is_shown) {
  const json pools = ctl_json({"list"});
  ASSERT_EQ(pools.size(), 1U);
  EXPECT_EQ(pools[0]["name"], "echo");
  EXPECT_EQ(pools[0]["main_pid"], master_->pid());
  EXPECT_EQ(pools[0]["config_file"], folder_.file("echo.json"));
  EXPECT_EQ(pools[0]["program"], json({binaries::prefork_echo}));
  EXPECT_THAT(ctl({"status", "echo"}).out, HasSubstr("2/2 ready (from 2 to 4)"));
  EXPECT_EQ(ctl_json({"workers", "echo"}).size(), 2U);
  EXPECT_EQ(ctl({"show", "echo", "1", "--value", "-p", "Slot,Generation"}).out, "1\n1\n");
}

TEST_F(CtlPool, is_reloaded_while_it_still_starts) {
  json wrong = config_;
  wrong["program"] = {binaries::worker("leaves_on_sigquit"), folder_.file("diary")};
  wrong["start_timeout"] = "1h";
  static_cast<void>(folder_.write("web.json", wrong.dump()));
  const Process second(binaries::preforkd, {"--config", folder_.file("web.json"), "--bus", bus_.address()});
  EXPECT_TRUE(eventually([&] { return ctl({"show", "web"}).status == 0; }));
  EXPECT_EQ(ctl_json({"show", "web"})["State"], "starting");
  wrong["ready"] = "exec";
  wrong["reload"] = {{"soak", "0s"}};
  static_cast<void>(folder_.write("web.json", wrong.dump()));
  EXPECT_THAT(ctl({"reload", "web"}).err, HasSubstr("reload done"));
  EXPECT_TRUE(eventually([&] { return ctl_json({"show", "web"})["State"] == "running"; }));
}

TEST_F(CtlPool, counts_with_libprefork_and_not_without) {
  EXPECT_EQ(ctl({"show", "echo", "-p", "Counts", "--value"}).out, "true\n");
  EXPECT_EQ(ctl({"show", "echo", "1", "-p", "Counts", "--value"}).out, "true\n");
  EXPECT_THAT(ctl({"status", "echo"}).out, HasSubstr("Load: 0 connections (0 so far), 0 requests"));
  config_["program"] = {binaries::worker("leaves_on_sigquit"), folder_.file("diary")};
  config_["stop_signal"] = "SIGQUIT";
  config_["ready"] = "exec";
  config_["reload"] = {{"soak", "0s"}};
  write(config_);
  EXPECT_EQ(ctl({"reload", "echo"}).status, 0);
  EXPECT_TRUE(eventually([&] { return ctl_json({"show", "echo"})["DrainingWorkers"] == 0; }));
  EXPECT_EQ(ctl_json({"show", "echo"})["Counts"], false) << "those that did have ended";
  EXPECT_EQ(ctl({"show", "echo", "1", "-p", "Counts", "--value"}).out, "false\n");
  EXPECT_THAT(ctl({"status", "echo"}).out, HasSubstr("Load: not counted (the program does not use libprefork)\n"));
}

TEST_F(CtlPool, may_have_a_hyphen_in_its_name) {
  static_cast<void>(folder_.write("my-app.json", config_.dump()));
  const Process second(binaries::preforkd, {"--config", folder_.file("my-app.json"), "--bus", bus_.address()});
  EXPECT_TRUE(eventually([&] { return ctl({"show", "my-app"}).status == 0; }));
  EXPECT_EQ(ctl({"scale", "my-app", "3"}).status, 0);
  EXPECT_TRUE(eventually([&] { return ctl_json({"show", "my-app"})["ReadyWorkers"] == 3; }));
  EXPECT_EQ(ctl_json({"list"}).size(), 2U);
  EXPECT_THAT(ctl({"reload", "my-app"}).err, HasSubstr("reload done"));
}

TEST_F(CtlPool, is_scaled_within_its_limits) {
  EXPECT_EQ(ctl({"scale", "echo", "3"}).status, 0);
  EXPECT_TRUE(eventually([&] { return ctl_json({"show", "echo"})["ReadyWorkers"] == 3; }));
  const Ended refused = ctl({"scale", "echo", "9"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("from 2 to 4"));
}

TEST_F(CtlPool, follows_the_load_unless_an_operator_has_said_a_number) {
  EXPECT_EQ(ctl_json({"show", "echo"})["Scaling"], "off");
  const Ended refused = ctl({"scale", "echo", "auto"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("there is no \"scale\" in \"workers\" of its config"));
  config_["workers"]["scale"] = nlohmann::json::object();
  write(config_);
  EXPECT_EQ(ctl({"reload", "echo"}).status, 0);
  EXPECT_EQ(ctl_json({"show", "echo"})["Scaling"], "auto");
  EXPECT_THAT(ctl({"status", "echo"}).out, HasSubstr("(from 2 to 4 by load)"));
  EXPECT_EQ(ctl({"scale", "echo", "3"}).status, 0);
  EXPECT_EQ(ctl_json({"show", "echo"})["Scaling"], "pinned");
  EXPECT_THAT(ctl({"status", "echo"}).out, HasSubstr("(from 2 to 4 by load, but set by an operator)"));
  EXPECT_EQ(ctl({"scale", "echo", "auto"}).status, 0);
  EXPECT_EQ(ctl_json({"show", "echo"})["Scaling"], "auto");
}

TEST_F(CtlPool, reloads_and_says_how_it_went) {
  const Ended done = ctl({"reload", "echo"});
  EXPECT_EQ(done.status, 0);
  EXPECT_THAT(done.err, testing::ContainsRegex("worker 0 \\(pid [0-9]+, generation 2\\) is ready\n"));
  EXPECT_THAT(done.err, testing::ContainsRegex("worker 1 \\(pid [0-9]+, generation 2\\) is ready\n(.*\n)?reload done: "
                                               "generation 2 is live\n$"));
  EXPECT_EQ(ctl_json({"show", "echo"})["Generation"], 2);

  config_["wrkers"] = 3;
  write(config_);
  const Ended failed = ctl({"reload", "echo"});
  EXPECT_EQ(failed.status, 1);
  EXPECT_THAT(failed.err, testing::MatchesRegex("preforkctl: pool \"echo\": .*: unknown key; did you mean [^?]*\\?\n"))
      << "only that, and once";
}

TEST_F(CtlPool, tells_what_a_reload_would_change) {
  config_["drain_timeout"] = "7s";
  write(config_);
  EXPECT_THAT(ctl({"plan", "echo"}).out, HasSubstr("drain_timeout"));
}

TEST_F(CtlPool, replaces_a_worker_that_is_killed_and_tells_why_it_ended) {
  const json before = ctl_json({"workers", "echo"})[1]["pid"];
  EXPECT_EQ(ctl({"kill", "echo", "1", "--signal=KILL"}).status, 0);
  EXPECT_TRUE(eventually([&] { return !ctl_json({"why", "echo", "1"}).empty(); }));
  const json ended = ctl_json({"why", "echo", "1"})[0];
  EXPECT_EQ(ended["pid"], before);
  EXPECT_EQ(ended["cause"], "operator");
  EXPECT_EQ(ended["status"], 9);
  EXPECT_GT(ended["cpu_usec"], 0);
  EXPECT_GT(ended["max_memory_bytes"], 100'000);
  EXPECT_THAT(ctl({"why", "echo", "1"}).out, testing::ContainsRegex("; used [0-9.]+m?s of CPU, at most [0-9.]+M\n"));
}

TEST_F(CtlPool, measures_exits_by_cause) {
  EXPECT_EQ(ctl({"kill", "echo", "1", "--signal=KILL"}).status, 0);
  EXPECT_TRUE(eventually([&] { return !ctl_json({"why", "echo", "1"}).empty(); }));
  for (const char* const format : {"--format=openmetrics", "--format=prometheus"}) {
    EXPECT_THAT(ctl({"metrics", "echo", format}).out,
                testing::AllOf(HasSubstr("preforkd_worker_exits_total{pool=\"echo\",cause=\"operator\"} 1\n"),
                               HasSubstr("preforkd_worker_exits_total{pool=\"echo\",cause=\"oom\"} 0\n")));
  }
}

TEST_F(CtlPool, shows_and_measures_connections_that_the_limits_per_peer_refused) {
  static_cast<void>(folder_.write("web.json", json{{"listen", {"127.0.0.1:0"}},
                                                   {"program", {binaries::worker("prefork_does_as_told")}},
                                                   {"settings", {{"max_connections_per_peer", 1}}},
                                                   {"workers", 1}}
                                                  .dump()));
  const Process second(binaries::preforkd, {"--config", folder_.file("web.json"), "--bus", bus_.address()});
  EXPECT_TRUE(eventually([&] { return ctl({"status", "web"}).status == 0; }));
  EXPECT_THAT(ctl({"status", "web"}).out, Not(HasSubstr("Not served")));
  const std::string address = ctl_json({"show", "web"})["Listeners"][0][1].get<std::string>();
  Client client(address);
  EXPECT_THAT(client.ask("hello"), HasSubstr(": hello"));
  EXPECT_TRUE(Client(address).wait_closed());
  EXPECT_TRUE(eventually([&] { return ctl_json({"status", "web"})["connections_refused"] == 1; }));
  EXPECT_THAT(ctl({"status", "web"}).out, HasSubstr(" Not served: 1 refused by the limits per peer\n"));
  EXPECT_EQ(ctl_json({"status", "web"})["workers"][0]["connections_refused"], 1);
  const std::string metrics = ctl({"metrics", "web"}).out;
  EXPECT_THAT(metrics, HasSubstr("preforkd_connections_refused_total{pool=\"web\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("preforkd_worker_connections_refused_total{pool=\"web\",slot=\"0\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("preforkd_accept_failures_total{pool=\"web\"} 0\n"));
}

TEST_F(CtlPool, measures_the_applications_counters_and_why_connections_ended_also_when_workers_have_ended) {
  static_cast<void>(folder_.write(
      "web.json",
      json{{"listen", {"127.0.0.1:0"}}, {"program", {binaries::worker("prefork_does_as_told")}}, {"workers", 1}}
          .dump()));
  const Process second(binaries::preforkd, {"--config", folder_.file("web.json"), "--bus", bus_.address()});
  EXPECT_TRUE(eventually([&] { return ctl({"status", "web"}).status == 0; }));
  Client client(ctl_json({"show", "web"})["Listeners"][0][1].get<std::string>());
  EXPECT_THAT(client.ask("job"), HasSubstr(": job"));
  EXPECT_THAT(client.ask("quota"), HasSubstr(": quota"));

  const auto measures = [&](const std::string& format) {
    const std::string text = ctl({"metrics", "web", format}).out;
    const auto has = [&](const char* sample) { return text.find(sample) != std::string::npos; };
    return has("preforkd_worker_application_total{pool=\"web\",counter=\"jobs_done\"} 2\n") &&
           has("preforkd_worker_closes_total{pool=\"web\",reason=\"quota-exceeded\"} 1\n") &&
           has("preforkd_worker_closes_total{pool=\"web\",reason=\"idle-timeout\"} 0\n");
  };
  EXPECT_TRUE(eventually([&] { return measures("--format=openmetrics"); })) << ctl({"metrics", "web"}).out;
  EXPECT_THAT(ctl({"status", "web"}).out,
              testing::AllOf(HasSubstr("     Closed: 1 quota-exceeded\n"), HasSubstr("   Counters: jobs_done 2\n")));
  EXPECT_EQ(ctl_json({"status", "web"})["workers"][0]["closes"]["quota-exceeded"], 1);
  EXPECT_EQ(ctl({"show", "web", "0", "--value", "-p", "ApplicationCounters"}).out, "{\"jobs_done\":2}\n");

  EXPECT_EQ(ctl({"kill", "web", "0", "--signal=KILL"}).status, 0);
  EXPECT_TRUE(eventually([&] { return ctl_json({"show", "web", "0"})["ApplicationCounters"]["jobs_done"] == 0; }));
  for (const char* const format : {"--format=openmetrics", "--format=prometheus"}) EXPECT_TRUE(measures(format));
}

TEST_F(CtlPool, recycles_one_worker_or_all) {
  const json before = ctl_json({"workers", "echo"});
  EXPECT_EQ(ctl({"recycle", "echo", "1"}).status, 0);
  EXPECT_TRUE(eventually([&] {
    const json now = ctl_json({"workers", "echo"});
    return now.size() == 2 && now[0]["pid"] == before[0]["pid"] && now[1]["pid"] != before[1]["pid"];
  }));
  EXPECT_EQ(ctl({"recycle", "echo", "--all"}).status, 0);
  EXPECT_TRUE(eventually([&] {
    const json now = ctl_json({"workers", "echo"});
    return now.size() == 2 && now[0]["pid"] != before[0]["pid"];
  }));
  EXPECT_EQ(ctl({"recycle", "echo", "77"}).status, 1);
}

TEST_F(CtlPool, recycles_all_slots_that_are_named_or_none) {
  const json before = ctl_json({"workers", "echo"});
  const Ended refused = ctl({"recycle", "echo", "0", "77"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("has no worker 77"));
  EXPECT_EQ(ctl({"recycle", "echo", "1"}).status, 0);  // 0 would have come first
  EXPECT_TRUE(eventually([&] {
    const json now = ctl_json({"workers", "echo"});
    return now.size() == 2 && now[1]["pid"] != before[1]["pid"];
  }));
  EXPECT_EQ(ctl_json({"workers", "echo"})[0]["pid"], before[0]["pid"]);
}

TEST_F(CtlPool, is_watched_while_it_hangs_and_when_it_goes_on) {
  PseudoTerminal watch(binaries::preforkctl, {"--address=" + bus_.address(), "watch", "echo"});
  watch.wait_for("q quit");
  master_->signal(SIGSTOP);
  watch.wait_for("no answer for ");
  watch.wait_for("no answer for ");
  master_->signal(SIGCONT);
  const Deadline deadline;
  while (watch.wait_for("q quit", deadline).find("no answer") != std::string::npos) {
  }
  watch.type("q");
  EXPECT_EQ(watch.wait_exit().status, 0);
}

TEST_F(CtlPool, tells_its_events_until_it_leaves) {
  Process events(binaries::preforkctl, {"--address=" + bus_.address(), "events", "echo", "--json=short"});
  events.err().wait_for("waiting for events");
  EXPECT_EQ(ctl({"scale", "echo", "3"}).status, 0);
  EXPECT_EQ(json::parse(events.out().wait_for("worker_ready"))["slot"], 2);
  master_->signal(SIGTERM);
  EXPECT_EQ(events.wait_exit().status, 0);
}

}  // namespace
}  // namespace preforkd::component
