// SPDX-License-Identifier: MIT
// preforkctl against a bus without pools and against pools that only pretend.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/binaries.hpp"
#include "support/fake_pool.hpp"
#include "support/message_bus.hpp"
#include "support/process.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

FakePoolState three_workers() {
  FakePoolState state;
  state.workers = {{0, 5000, "ready", "", "recycled"}, {1, 5001, "ready", "", ""}, {2, 0, "backoff", "", "exit"}};
  return state;
}

// A bus of its own and what preforkctl says there.
class Ctl : public testing::Test {
 protected:
  Ended ctl(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "--address=" + bus_.address());
    return run(binaries::preforkctl, arguments);
  }
  json ctl_json(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json=short");
    return json::parse(ctl(arguments).out);
  }

  MessageBus bus_;
};

TEST(CtlBus, that_is_out_of_reach_is_69_and_says_what_to_try) {
  const Ended ended = run(binaries::preforkctl, {"--address=unix:path=/nonexistent/bus", "list"});
  EXPECT_EQ(ended.status, 69);
  EXPECT_THAT(ended.err, HasSubstr("cannot reach the bus at unix:path=/nonexistent/bus: No such file"));
  EXPECT_THAT(ended.err, HasSubstr("dbus-daemon --print-address"));
}

TEST(CtlBus, of_the_user_without_a_session_is_69) {
  StartOptions options;
  options.only_this_environment = true;
  const Ended ended = run(binaries::preforkctl, {"--user", "list"}, options);
  EXPECT_EQ(ended.status, 69);
  EXPECT_THAT(ended.err, HasSubstr("the user bus"));
}

TEST_F(Ctl, lists_no_pool_where_there_is_none) {
  const Ended ended = ctl({"list"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.out, HasSubstr("0 pools on the bus at unix:"));
}

TEST_F(Ctl, names_of_pools_that_are_not_there_are_69_with_a_next_step) {
  for (const std::string& verb : std::vector<std::string>{"status", "workers", "show", "reload", "plan", "why"}) {
    const Ended ended = ctl({verb, "echo"});
    EXPECT_EQ(ended.status, 69) << verb;
    EXPECT_THAT(ended.err, HasSubstr("pool \"echo\" is not running on the bus at")) << verb;
    EXPECT_THAT(ended.err, HasSubstr("list\" shows the pools there")) << verb;
  }
}

TEST_F(Ctl, list_shows_each_pool_and_quiet_only_names) {
  const FakePool echo(bus_.address(), three_workers());
  FakePoolState other = three_workers();
  other.name = "web";
  other.state = "degraded";
  const FakePool web(bus_.address(), other);
  other.name = "web.of_something_else";
  const FakePool no_pool(bus_.address(), other);
  EXPECT_THAT(ctl({"list"}).out, testing::ContainsRegex("echo +running +3/3 +1 +12 +300 .*Line echo\nweb +degraded"));
  EXPECT_EQ(ctl({"-q", "list"}).out, "echo\nweb\n");
  EXPECT_THAT(ctl({"status"}).out, testing::AllOf(HasSubstr("echo - "), HasSubstr("web - ")));
  const json all = ctl_json({"list"});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1]["state"], "degraded");
  EXPECT_EQ(all[0]["listeners"][0]["queued"], 3);
}

TEST_F(Ctl, list_is_not_held_up_by_a_pool_that_does_not_answer) {
  const FakePool echo(bus_.address(), three_workers());
  FakePoolState other = three_workers();
  other.name = "stopped";
  FakePool stopped(bus_.address(), other);
  stopped.stay_silent("GetAll");
  const Ended ended = ctl({"list"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.out, HasSubstr("running"));
  EXPECT_THAT(ended.out, testing::ContainsRegex("stopped +no answer"));
}

TEST_F(Ctl, answers_that_cannot_be_read_hide_no_other_pool_and_are_1) {
  FakePoolState state = three_workers();
  state.name = "liar";
  FakePool liar(bus_.address(), state);
  for (const char* const member : {"GetAll", "GetManagedObjects", "ListWorkers", "ExitHistory", "Plan", "Scale"}) {
    liar.answer_nonsense(member);
  }
  const FakePool pool(bus_.address(), three_workers());
  EXPECT_THAT(ctl({"list"}).out, testing::AllOf(HasSubstr("echo  running"), HasSubstr("liar  no answer")));
  EXPECT_THAT(ctl({"metrics"}).out, HasSubstr("preforkd_workers_ready{pool=\"echo\"} 3"));
  EXPECT_EQ(ctl_json({"version"})["pools"], json({{"echo", "0.1.0"}}));
  for (const char* const verb : {"status", "workers", "show", "why", "plan"}) {
    const Ended ended = ctl({verb, "liar"});
    EXPECT_EQ(ended.status, 1) << verb;
    EXPECT_THAT(ended.err, HasSubstr("pool \"liar\" tells what this preforkctl")) << verb;
    EXPECT_THAT(ended.err, HasSubstr("the answer cannot be read: it is \"s\", not \"a")) << verb;
  }
  EXPECT_EQ(ctl({"scale", "liar", "2"}).status, 0) << "there is nothing to read";
}

TEST_F(Ctl, status_shows_load_queues_and_workers) {
  FakePoolState state = three_workers();
  state.workers[0].status_text = "serving";
  const FakePool pool(bus_.address(), state);
  const Ended ended = ctl({"status", "echo"});
  EXPECT_EQ(ended.status, 0);
  for (const char* const part : {"echo - Line echo", "State: running\n", "Started: ", "Main PID: 4000 (preforkd 0.1.0)",
                                 "/usr/bin/worker --fast", "127.0.0.1:9505 (queue 3/128)", "Status: \"all is well\"\n",
                                 "12 connections (30 so far), 300 requests (0.0/s)", "3/3 ready (from 1 to 8)",
                                 "  \"serving\", last exit: recycled\n", "backoff"}) {
    EXPECT_THAT(ended.out, HasSubstr(part));
  }
  EXPECT_THAT(ended.out, Not(HasSubstr("\x1b"))) << "no colours off a terminal";
}

TEST_F(Ctl, status_of_many_pools_counts_requests_of_all_at_once) {
  std::vector<std::unique_ptr<FakePool>> pools;
  for (int i = 0; i < 30; ++i) {
    FakePoolState state = three_workers();
    state.name = "pool" + std::to_string(i);
    pools.push_back(std::make_unique<FakePool>(bus_.address(), state));
  }
  const auto start = std::chrono::steady_clock::now();
  const Ended ended = ctl({"status"});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(8)) << "one after the other takes 9";
  EXPECT_THAT(ended.out, testing::AllOf(HasSubstr("pool0 - "), HasSubstr("pool29 - "), HasSubstr("requests (0.0/s)")));
}

TEST_F(Ctl, status_of_a_pool_that_is_not_fine_is_3) {
  FakePoolState state = three_workers();
  state.state = "degraded";
  const FakePool pool(bus_.address(), state);
  EXPECT_EQ(ctl({"status"}).status, 3);
  EXPECT_EQ(ctl({"status", "echo"}).status, 3);
}

TEST_F(Ctl, text_that_a_client_or_a_worker_chose_can_do_nothing_to_the_terminal) {
  FakePoolState state = three_workers();
  state.description = "a\x1b[2Jb\nc";
  state.workers[0].status_text = "\x1b]0;title\x07";
  state.exit_text = "bad\x1b[31m\xe2\x80\xae";
  FakePool pool(bus_.address(), state);
  for (const char* const verb : {"list", "status", "workers", "show", "why"}) {
    const Ended ended = verb == std::string("list") ? ctl({verb}) : ctl({verb, "echo"});
    EXPECT_THAT(ended.out, HasSubstr("\\x1b")) << verb;
    EXPECT_THAT(ended.out, Not(HasSubstr("\x1b"))) << verb;
    EXPECT_THAT(ended.out, Not(HasSubstr("\xe2\x80\xae"))) << verb;
  }
  pool.fail("Scale", {"org.preforkd1.Error.OutOfRange", "no\x1b[31m"});
  EXPECT_THAT(ctl({"scale", "echo", "3"}).err, HasSubstr("no\\x1b[31m"));
}

TEST_F(Ctl, workers_lists_processes_and_empty_slots) {
  const FakePool pool(bus_.address(), three_workers());
  const Ended ended = ctl({"workers", "echo"});
  EXPECT_THAT(ended.out, testing::ContainsRegex("0 +5000 +ready +1 .* 4 +100 +3.0M +250ms +0 +recycled"));
  EXPECT_THAT(ended.out, testing::ContainsRegex("2 +- +backoff +- +- +- "));
  EXPECT_THAT(ended.out, HasSubstr("3 workers."));
  EXPECT_THAT(ctl({"workers", "echo", "--no-legend"}).out, Not(HasSubstr("SLOT")));
  EXPECT_EQ(ctl_json({"workers", "echo"})[1]["memory_bytes"], 3 << 20);
}

TEST_F(Ctl, show_is_for_scripts) {
  const FakePool pool(bus_.address(), three_workers());
  const std::string out = ctl({"show", "echo"}).out;
  EXPECT_THAT(out, HasSubstr("\nGeneration=1\n"));
  EXPECT_THAT(out, HasSubstr("\nProgram=[\"/usr/bin/worker\",\"--fast\"]\n"));
  EXPECT_EQ(ctl_json({"show", "echo"})["MainPID"], 4000);
}

TEST_F(Ctl, show_prints_the_properties_that_are_asked_for_in_their_order) {
  const FakePool pool(bus_.address(), three_workers());
  EXPECT_EQ(ctl({"show", "echo", "-p", "MainPID,Generation"}).out, "MainPID=4000\nGeneration=1\n");
  EXPECT_EQ(ctl({"show", "echo", "--property=Generation", "-p", "MainPID", "--value"}).out, "1\n4000\n");
  EXPECT_EQ(ctl_json({"show", "echo", "-p", "MainPID"}).size(), 1U);
  const Ended ended = ctl({"show", "echo", "-p", "MainPid"});
  EXPECT_EQ(ended.status, 64);
  EXPECT_THAT(ended.err, HasSubstr("--property: \"MainPid\": no such property; did you mean \"MainPID\"?"));
}

TEST_F(Ctl, reload_tells_its_progress_on_standard_error) {
  const FakePool pool(bus_.address(), three_workers());
  const Ended ended = ctl({"reload", "echo"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.out, IsEmpty());
  EXPECT_EQ(ended.err,
            "worker 0 (pid 5000, generation 2) started\nworker 0 (pid 5000, generation 2) is ready\n"
            "reload done: generation 2 is live\n");
  EXPECT_THAT(ctl({"-q", "reload", "echo"}).err, IsEmpty());
}

TEST_F(Ctl, a_failed_reload_is_1_with_the_reason_and_what_is_known_of_the_worker) {
  FakePool pool(bus_.address(), three_workers());
  pool.fail("Reload", {"org.preforkd1.Error.ReloadFailed", "worker 1 of generation 2: exit status 7\nnothing changed"});
  const Ended ended = ctl({"reload", "echo"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("pool \"echo\": worker 1 of generation 2: exit status 7\nnothing changed"));
  EXPECT_EQ(ctl_json({"reload", "echo"})["ok"], false);
}

TEST_F(Ctl, what_polkit_refuses_is_77) {
  FakePool pool(bus_.address(), three_workers());
  for (const std::string& member : std::vector<std::string>{"Scale", "Reload", "Plan", "RecycleAll", "Kill"}) {
    pool.fail(member, {"org.preforkd1.Error.NotAuthorized", "polkit says no"});
  }
  EXPECT_EQ(ctl({"scale", "echo", "3"}).status, 77);
  EXPECT_EQ(ctl({"reload", "echo"}).status, 77);
  EXPECT_EQ(ctl({"plan", "echo"}).status, 77);
  EXPECT_EQ(ctl({"recycle", "echo", "--all"}).status, 77);
  const Ended killed = ctl({"kill", "echo", "1"});
  EXPECT_EQ(killed.status, 77);
  EXPECT_THAT(killed.err, HasSubstr("not allowed: polkit says no; try as root"));
}

TEST_F(Ctl, changes_may_ask_for_a_password_unless_told_not_to) {
  const FakePool pool(bus_.address(), three_workers());
  EXPECT_EQ(ctl({"scale", "echo", "5"}).status, 0);
  EXPECT_EQ(ctl({"kill", "echo", "1", "--signal=hup"}).status, 0);
  EXPECT_EQ(ctl({"recycle", "echo", "0", "2", "--no-ask-password"}).status, 0);
  EXPECT_EQ(ctl({"recycle", "echo", "--all"}).status, 0);
  EXPECT_THAT(pool.calls(), ElementsAre("Scale 5 interactive", "Kill /org/preforkd1/worker/1 1 interactive",
                                        "GetAll /org/preforkd1/worker/0", "GetAll /org/preforkd1/worker/2",
                                        "Recycle /org/preforkd1/worker/0", "Recycle /org/preforkd1/worker/2",
                                        "RecycleAll interactive"));
}

TEST_F(Ctl, recycle_needs_slots_or_all) {
  const FakePool pool(bus_.address(), three_workers());
  EXPECT_EQ(ctl({"recycle", "echo"}).status, 64);
  EXPECT_EQ(ctl({"recycle", "echo", "1", "--all"}).status, 64);
  EXPECT_THAT(pool.calls(), IsEmpty());
}

TEST_F(Ctl, a_slot_that_is_not_there_is_1) {
  FakePool pool(bus_.address(), three_workers());
  pool.fail("Kill", {"org.freedesktop.DBus.Error.UnknownObject", "Unknown object"});
  const Ended ended = ctl({"kill", "echo", "9"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err,
              testing::AllOf(HasSubstr("pool \"echo\" has no worker 9;"), HasSubstr("workers echo\" lists them")));
}

TEST_F(Ctl, a_pool_that_goes_while_it_reloads_is_69) {
  auto pool = std::make_unique<FakePool>(bus_.address(), three_workers());
  pool->stay_silent("Reload");
  Process process(binaries::preforkctl, {"--address=" + bus_.address(), "reload", "echo"});
  ASSERT_TRUE(eventually([&] { return !pool->calls().empty() && pool->calls().back() == "Reload interactive"; }));
  pool.reset();
  EXPECT_EQ(process.wait_exit().status, 69);
  EXPECT_THAT(process.err().wait_closed(), HasSubstr("went away before it answered"));
}

TEST_F(Ctl, a_bus_that_goes_while_a_pool_reloads_is_69_and_not_the_pools_end) {
  FakePool pool(bus_.address(), three_workers());
  pool.stay_silent("Reload");
  Process process(binaries::preforkctl, {"--address=" + bus_.address(), "reload", "echo"});
  ASSERT_TRUE(eventually([&] { return !pool.calls().empty() && pool.calls().back() == "Reload interactive"; }));
  bus_.stop();
  EXPECT_EQ(process.wait_exit().status, 69);
  EXPECT_THAT(process.err().wait_closed(),
              testing::AllOf(HasSubstr("lost the bus at unix:"), HasSubstr("pool \"echo\" goes on")));
}

TEST_F(Ctl, plan_says_what_changes_and_what_that_needs) {
  const FakePool pool(bus_.address(), three_workers());
  const Ended ended = ctl({"plan", "echo"});
  EXPECT_THAT(ended.out, testing::ContainsRegex("settings.idle_timeout +5min +1min +new workers"));
  EXPECT_THAT(ended.out, HasSubstr("replace every worker"));
  EXPECT_EQ(ctl_json({"plan", "echo"})[0]["then"], "1min");
}

TEST_F(Ctl, plan_concludes_who_is_replaced) {
  const std::map<std::string, std::string> conclusions{
      {"resize", "start or drain workers and replace none"},
      {"sockets", "would touch no worker"},
      {"master", "would touch no worker"},
      {"restart", "change nothing of this, but replace every worker"},
  };
  for (const auto& [needs, conclusion] : conclusions) {
    FakePoolState state = three_workers();
    state.plan_needs = needs;
    const FakePool pool(bus_.address(), state);
    EXPECT_THAT(ctl({"plan", "echo"}).out, HasSubstr(conclusion)) << needs;
  }
}

TEST_F(Ctl, why_tells_causes_and_sentences) {
  const FakePool pool(bus_.address(), three_workers());
  EXPECT_THAT(ctl({"why", "echo"}).out, testing::ContainsRegex("1 +4711 +2 +exit +died: exit status 7\n.* 0 +4710"));
  EXPECT_THAT(ctl({"why", "echo", "0"}).out, Not(HasSubstr("4711")));
  EXPECT_EQ(ctl_json({"why", "echo"})[0]["failure"], true);
}

TEST_F(Ctl, version_tells_those_of_the_pools_too) {
  const FakePool pool(bus_.address(), three_workers());
  EXPECT_THAT(ctl({"version"}).out, HasSubstr("pool \"echo\": preforkd 0.1.0"));
}

TEST_F(Ctl, events_are_lines_until_the_pool_leaves) {
  auto pool = std::make_unique<FakePool>(bus_.address(), three_workers());
  Process events(binaries::preforkctl, {"--address=" + bus_.address(), "events", "echo"});
  Process objects(binaries::preforkctl, {"--address=" + bus_.address(), "events", "echo", "--json=short"});
  events.err().wait_for("waiting for events of pool");
  objects.err().wait_for("waiting for events of pool");
  pool->tell_descriptor();  // is passed over
  pool->tell_exit(1, 5001, "exit", "died: exit status 7\x1b");
  EXPECT_THAT(events.out().wait_for("worker 1"),
              testing::MatchesRegex("..:..:..\\.... worker 1 \\(pid 5001, generation 2\\) died: exit status 7"
                                    "\\\\x1b"));
  const json object = json::parse(objects.out().wait_for("worker_exited"));
  EXPECT_EQ(object["pool"], "echo");
  EXPECT_EQ(object["pid"], 5001);
  EXPECT_EQ(object["kind"], "exited");
  pool.reset();
  EXPECT_EQ(events.wait_exit().status, 0);
  EXPECT_EQ(objects.wait_exit().status, 0);
}

TEST_F(Ctl, events_of_a_pool_whose_bus_ends_is_69) {
  const FakePool pool(bus_.address(), three_workers());
  Process events(binaries::preforkctl, {"--address=" + bus_.address(), "events", "echo"});
  events.err().wait_for("waiting for events of pool");
  bus_.stop();
  EXPECT_EQ(events.wait_exit().status, 69);
}

TEST_F(Ctl, metrics_are_of_all_pools_that_answer) {
  const FakePool echo(bus_.address(), three_workers());
  FakePoolState other = three_workers();
  other.name = "web";
  const FakePool web(bus_.address(), other);
  const std::string all = ctl({"metrics"}).out;
  EXPECT_THAT(all,
              HasSubstr("preforkd_requests_total{pool=\"echo\"} 300\npreforkd_requests_total{pool=\"web\"} 300\n"));
  EXPECT_THAT(all, testing::EndsWith("# EOF\n"));
  EXPECT_THAT(ctl({"metrics", "echo"}).out, Not(HasSubstr("web")));
}

// A script under the name of another program; by itself it prints its arguments, a line each.
class Stand {
 public:
  explicit Stand(const std::string& name, const std::string& script = "for word; do echo \"$word\"; done\nexit 9\n") {
    const std::string path = folder_.write(name, "#!/bin/sh\n" + script);
    if (::chmod(path.c_str(), 0755) != 0) throw HarnessError("chmod failed");
  }
  [[nodiscard]] StartOptions options() const {
    StartOptions options;
    options.environment = {{"PATH", folder_.path() + ":/usr/bin:/bin"}};
    return options;
  }

 private:
  TempDir folder_;
};

TEST_F(Ctl, logs_executes_journalctl_with_the_pools_matches) {
  const Stand journalctl("journalctl");
  const FakePool pool(bus_.address(), three_workers());
  const Ended ended =
      run(binaries::preforkctl, {"--address=" + bus_.address(), "logs", "echo", "-n", "5", "--", "--since=today"},
          journalctl.options());
  EXPECT_EQ(ended.status, 9) << "of journalctl";
  EXPECT_THAT(ended.out, testing::StartsWith("--lines=5\n--since=today\nPREFORK_POOL=echo\n+\n"));
  EXPECT_THAT(ended.out,
              HasSubstr("SYSLOG_IDENTIFIER=echo[0]\nSYSLOG_IDENTIFIER=echo[1]\nSYSLOG_IDENTIFIER=echo[2]\n"));
  EXPECT_EQ(run(binaries::preforkctl, {"logs", "-f", "echo", "1"}, journalctl.options()).out,
            "--follow\nPREFORK_POOL=echo\nPREFORK_WORKER=1\n+\nSYSLOG_IDENTIFIER=echo[1]\n")
      << "a slot's need no bus";
}

TEST_F(Ctl, logs_of_a_container_are_journalctls_to_read_whoever_asks_its_bus) {
  const Stand journalctl("journalctl");
  for (const char* const machine : {"web", "root@web"}) {
    EXPECT_THAT(run(binaries::preforkctl, {"-M", machine, "logs", "echo", "1"}, journalctl.options()).out,
                testing::StartsWith("--machine=web\nPREFORK_POOL=echo\n"));
  }
}

TEST_F(Ctl, logs_of_another_machine_names_the_command_for_it) {
  const Ended ended = run(binaries::preforkctl, {"-H", "root@web", "logs", "echo"});
  EXPECT_EQ(ended.status, 64);
  EXPECT_THAT(ended.err, HasSubstr("ssh root@web preforkctl logs echo"));
}

TEST_F(Ctl, reaches_the_pools_of_another_machine_by_ssh) {
  if (::access("/usr/bin/systemd-stdio-bridge", X_OK) != 0) GTEST_SKIP() << "needs systemd-stdio-bridge";
  const FakePool pool(bus_.address(), three_workers());
  const Stand ssh("ssh", "echo \"$@\" >&2\nexec systemd-stdio-bridge --bus-path='" + bus_.address() + "'\n");
  const Ended ended = run(binaries::preforkctl, {"-H", "root@web", "list"}, ssh.options());
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.out, HasSubstr("1 pool on the system bus of root@web."));
  EXPECT_THAT(ended.err, testing::ContainsRegex("root.*web.*systemd-stdio-bridge")) << "what ssh was asked for";
}

TEST_F(Ctl, another_machine_that_is_out_of_reach_is_69) {
  const Stand ssh("ssh", "echo 'ssh: connect to host web port 22: No route to host' >&2\nexit 255\n");
  const Ended ended = run(binaries::preforkctl, {"-H", "web", "list"}, ssh.options());
  EXPECT_EQ(ended.status, 69);
  EXPECT_THAT(ended.err, HasSubstr("cannot reach the system bus of web"));
  EXPECT_THAT(ended.err, HasSubstr("try \"ssh web preforkctl list\""));
}

TEST_F(Ctl, a_pool_that_does_not_answer_is_69_but_a_reload_may_take_its_time) {
  FakePool pool(bus_.address(), three_workers());
  StartOptions options;
  options.environment = {{"SYSTEMD_BUS_TIMEOUT", "2s"}};  // sd-bus's own, instead of 25 s
  pool.stay_silent("Reload");
  Process reload(binaries::preforkctl, {"--address=" + bus_.address(), "reload", "echo"}, options);
  ASSERT_TRUE(eventually([&] { return !pool.calls().empty() && pool.calls().back() == "Reload interactive"; }));
  pool.stay_silent("GetAll");
  const Ended show = run(binaries::preforkctl, {"--address=" + bus_.address(), "show", "echo"}, options);
  EXPECT_EQ(show.status, 69);
  EXPECT_THAT(show.err, HasSubstr("pool \"echo\" does not answer"));
  EXPECT_FALSE(wait_ready(reload.pidfd(), POLLIN, std::chrono::milliseconds(0))) << "it has waited for longer";
}

TEST(CtlCheck, executes_preforkd) {
  const Stand preforkd("preforkd");
  const Ended ended = run(binaries::preforkctl, {"check", "pool.json"}, preforkd.options());
  EXPECT_EQ(ended.status, 9);
  EXPECT_EQ(ended.out, "--check\n--config\npool.json\n");
}

}  // namespace
}  // namespace preforkd::component
