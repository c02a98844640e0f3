// SPDX-License-Identifier: MIT
// preforkctl on a bus without pools, and with fake pools.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/listener.hpp"
#include "support/binaries.hpp"
#include "support/bus_client.hpp"
#include "support/fake_pool.hpp"
#include "support/message_bus.hpp"
#include "support/process.hpp"
#include "support/stand.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

FakePoolState three_workers() {
  FakePoolState state;
  state.workers = {{0, 5000, "ready", "", "recycled"}, {1, 5001, "ready", "", ""}, {2, 0, "backoff", "", "exit"}};
  return state;
}

const std::string silent_master =
    "pool \"echo\": its master (pid " + std::to_string(::getpid()) + ") does not answer; check whether it is stopped";

// A private bus, and the output of preforkctl on it.
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

TEST_F(Ctl, names_of_pools_that_are_not_there_are_3_with_a_next_step) {
  for (const std::string& verb : std::vector<std::string>{"status", "workers", "show", "reload", "plan", "why"}) {
    const Ended ended = ctl({verb, "echo"});
    EXPECT_EQ(ended.status, 3) << verb;
    if (verb == "status") continue;
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
  EXPECT_THAT(ended.out, testing::ContainsRegex("stopped +no answer .*its master \\(pid [0-9]+\\) does not answer"));
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
    EXPECT_THAT(ended.err, HasSubstr("pool \"liar\" sent a reply that this preforkctl")) << verb;
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
  for (const char* const part :
       {"echo - Line echo", "State: running\n", "Started: ", "Main PID: 4000 (preforkd 0.1.0)",
        "/usr/bin/worker --fast", "127.0.0.1:9505 (queue 3/128)", "Status: \"all is well\"\n",
        "12 connections (30 so far), 300 requests (0.0/s)",
        " Not served: 15 refused by the limits per peer, 6 accept failures\n",
        " Moved: 21 handed over, 18 adopted, 8 closed by keepers\n", " Messages: 24 between workers, 9 dropped\n",
        "3/3 ready (from 1 to 8)", "  \"serving\", last exit: recycled, waits for cpu 12% of the time\n", "backoff"}) {
    EXPECT_THAT(ended.out, HasSubstr(part));
  }
  EXPECT_THAT(ended.out, Not(HasSubstr("\x1b"))) << "no colours off a terminal";
}

TEST_F(Ctl, what_a_program_does_not_count_is_not_shown_as_0) {
  FakePoolState state = three_workers();
  state.counts = false;
  const FakePool pool(bus_.address(), state);
  EXPECT_THAT(ctl({"list"}).out, testing::ContainsRegex("echo +running +3/3 +1 +- +- "));
  const std::string status = ctl({"status", "echo"}).out;
  EXPECT_THAT(status, HasSubstr("Load: not counted (the program does not use libprefork)\n"));
  EXPECT_THAT(status, Not(HasSubstr("Not served")));
  EXPECT_THAT(status, Not(HasSubstr("Moved")));
  EXPECT_THAT(status, testing::ContainsRegex("5000 +ready +generation 1 +- +- +- +3.0M"));
  EXPECT_THAT(ctl({"workers", "echo"}).out, testing::ContainsRegex("0 +5000 +ready +1 .* - +- +3.0M"));
  const std::string metrics = ctl({"metrics", "echo"}).out;
  EXPECT_THAT(metrics, HasSubstr("preforkd_worker_up{pool=\"echo\",slot=\"1\"} 1\n"));
  for (const char* const family :
       {"connections_open", "connections_total", "connections_refused_total", "connections_adopted_total",
        "connections_handed_over_total", "connections_closed_by_keepers_total", "accept_failures_total",
        "messages_total", "messages_dropped_total", "requests_total", "received_bytes_total"}) {
    EXPECT_THAT(metrics, Not(HasSubstr(std::string("preforkd_") + family + '{'))) << family;
    EXPECT_THAT(metrics, Not(HasSubstr(std::string("preforkd_worker_") + family + '{'))) << family;
  }
  const json all = ctl_json({"status", "echo"});
  for (const json& shown : {all, all["workers"][1]}) {
    EXPECT_EQ(shown["counts"], false);
    for (const char* const name :
         {"connections", "connections_total", "connections_refused", "connections_adopted", "connections_handed_over",
          "accept_failures", "requests_total", "bytes_in", "bytes_out", "worker_messages", "worker_messages_dropped"})
      EXPECT_TRUE(shown.at(name).is_null()) << name;
  }
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
  EXPECT_THAT(ended.out, testing::ContainsRegex("0 +5000 +ready +1 .* 4 +100 +3.0M +2 +250ms +0 +recycled"));
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
  EXPECT_THAT(ctl({"show", "echo", "-p", "zzzzzz"}).err, testing::EndsWith("no such property\n"));
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

TEST_F(Ctl, a_reload_of_a_pool_that_is_not_there_is_told_as_json_too) {
  const Ended ended = ctl({"reload", "echo", "--json=short"});
  EXPECT_EQ(ended.status, 3);
  const json told = json::parse(ended.out);
  EXPECT_EQ(told["ok"], false);
  EXPECT_THAT(told["message"], HasSubstr("pool \"echo\" is not running on the bus at"));
}

TEST_F(Ctl, what_polkit_refuses_is_77) {
  FakePool pool(bus_.address(), three_workers());
  for (const std::string& member :
       std::vector<std::string>{"Scale", "Reload", "Plan", "RecycleAll", "Rebalance", "SetDrained", "Kill"}) {
    pool.fail(member, {"org.preforkd1.Error.NotAuthorized", "polkit says no"});
  }
  EXPECT_EQ(ctl({"scale", "echo", "3"}).status, 77);
  EXPECT_EQ(ctl({"reload", "echo"}).status, 77);
  EXPECT_EQ(ctl_json({"reload", "echo"})["ok"], false) << "every result is reported";
  EXPECT_EQ(ctl({"plan", "echo"}).status, 77);
  EXPECT_EQ(ctl({"recycle", "echo", "--all"}).status, 77);
  EXPECT_EQ(ctl({"rebalance", "echo"}).status, 77);
  EXPECT_EQ(ctl({"drain", "echo"}).status, 77);
  const Ended killed = ctl({"kill", "echo", "1"});
  EXPECT_EQ(killed.status, 77);
  EXPECT_THAT(killed.err, HasSubstr("not allowed: polkit says no; try as root or as the pool's user, or see POLKIT"));
}

TEST_F(Ctl, changes_may_ask_for_a_password_unless_told_not_to) {
  const FakePool pool(bus_.address(), three_workers());
  EXPECT_EQ(ctl({"scale", "echo", "5"}).status, 0);
  EXPECT_EQ(ctl({"kill", "echo", "1", "--signal=hup"}).status, 0);
  EXPECT_EQ(ctl({"recycle", "echo", "0", "2", "--no-ask-password"}).status, 0);
  EXPECT_EQ(ctl({"recycle", "echo", "--all"}).status, 0);
  EXPECT_EQ(ctl({"rebalance", "echo"}).status, 0);
  EXPECT_EQ(ctl({"drain", "echo"}).status, 0);
  EXPECT_EQ(ctl({"undrain", "echo"}).status, 0);
  EXPECT_THAT(pool.calls(), ElementsAre("Scale 5 interactive", "Kill /org/preforkd1/worker/1 1 interactive",
                                        "GetAll /org/preforkd1/worker/0", "GetAll /org/preforkd1/worker/2",
                                        "Recycle /org/preforkd1/worker/0", "Recycle /org/preforkd1/worker/2",
                                        "RecycleAll interactive", "Rebalance interactive", "SetDrained 1 interactive",
                                        "SetDrained 0 interactive"));
}

TEST_F(Ctl, recycle_needs_slots_or_all) {
  const FakePool pool(bus_.address(), three_workers());
  EXPECT_EQ(ctl({"recycle", "echo"}).status, 64);
  EXPECT_EQ(ctl({"recycle", "echo", "1", "--all"}).status, 64);
  EXPECT_THAT(pool.calls(), IsEmpty());
  EXPECT_THAT(ctl({"recycle", "echo", "1"}).err, HasSubstr("worker 1 leaves when its successor is ready"));
  EXPECT_THAT(ctl({"recycle", "echo", "2"}).err, HasSubstr("slot 2 is empty: a worker is started in it now;"));
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
              testing::AllOf(HasSubstr("lost the bus at unix:"), HasSubstr("pool \"echo\" continues its work")));
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
      {"sockets", "would not replace any worker"},
      {"master", "would not replace any worker"},
      {"restart", "not apply this, but would replace every worker"},
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
  EXPECT_THAT(ctl({"why", "echo"}).out,
              testing::ContainsRegex("1 +4711 +2 +exit +died: exit status 7; used 1.2s of CPU, at most 83.0M\n.* 0 "
                                     "+4710 .*left: exit status 0\n"));
  EXPECT_THAT(ctl({"why", "echo", "0"}).out, Not(HasSubstr("4711")));
  EXPECT_EQ(ctl_json({"why", "echo"})[0]["failure"], true);
  EXPECT_EQ(ctl_json({"why", "echo"})[0]["cpu_usec"], 1'240'000);
  EXPECT_EQ(ctl_json({"why", "echo"})[0]["max_memory_bytes"], 83 << 20);
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
  pool->tell_descriptor();  // is skipped
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
      << "the log of a slot needs no bus";
}

TEST_F(Ctl, logs_of_a_container_are_journalctls_to_read_whoever_asks_its_bus) {
  const Stand journalctl("journalctl");
  for (const char* const machine : {"web", "root@web"}) {
    EXPECT_THAT(run(binaries::preforkctl, {"-M", machine, "logs", "echo", "1"}, journalctl.options()).out,
                testing::StartsWith("--machine=web\nPREFORK_POOL=echo\n"));
  }
  EXPECT_THAT(run(binaries::preforkctl, {"-M", "root@", "logs", "echo", "1"}, journalctl.options()).out,
              testing::StartsWith("PREFORK_POOL=echo\n"))
      << "a user of this machine";
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
  EXPECT_THAT(ended.err, testing::ContainsRegex("root.*web.*systemd-stdio-bridge")) << "the command line of ssh";
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
  pool.stay_silent("Reload");
  Process reload(binaries::preforkctl, {"--address=" + bus_.address(), "reload", "echo"});
  ASSERT_TRUE(eventually([&] { return !pool.calls().empty() && pool.calls().back() == "Reload interactive"; }));
  pool.stay_silent("GetAll");
  const Ended show = ctl({"show", "echo"});
  EXPECT_EQ(show.status, 69);
  EXPECT_THAT(show.err, HasSubstr(silent_master));
  EXPECT_EQ(ctl_json({"status", "echo"})["state"], "no answer");
  EXPECT_FALSE(wait_ready(reload.pidfd(), POLLIN, std::chrono::milliseconds(0))) << "it has waited for longer";
}

// Owns the name of pool "echo"; it may ignore all calls.
class Owner {
 public:
  explicit Owner(const std::string& address, std::optional<std::uint32_t> uid = std::nullopt) : client_(address, uid) {
    if (sd_bus_request_name(client_.native(), "org.preforkd1.echo", 0) < 0) throw HarnessError("the name is taken");
  }

 private:
  BusClient client_;
};

TEST_F(Ctl, each_verb_gives_up_soon_on_a_master_that_hangs) {
  const Owner hanging(bus_.address());
  const std::vector<std::vector<std::string>> verbs{{"status", "echo"},    {"plan", "echo"},
                                                    {"reload", "echo"},    {"recycle", "echo", "--all"},
                                                    {"kill", "echo", "1"}, {"scale", "echo", "2"}};
  std::vector<std::unique_ptr<Process>> processes;
  for (std::vector<std::string> arguments : verbs) {
    arguments.insert(arguments.begin(), "--address=" + bus_.address());
    processes.push_back(std::make_unique<Process>(binaries::preforkctl, arguments));
  }
  for (std::size_t i = 0; i < verbs.size(); ++i) {
    EXPECT_EQ(processes[i]->wait_exit().status, 69) << verbs[i][0];
    EXPECT_THAT(processes[i]->err().wait_closed(), HasSubstr(silent_master)) << verbs[i][0];
  }
}

TEST_F(Ctl, a_bus_that_hangs_is_69_and_told_from_one_that_is_not_there) {
  bus_.daemon().signal(SIGSTOP);
  const Ended ended = ctl({"list"});
  EXPECT_EQ(ended.status, 69);
  EXPECT_EQ(ended.err, "preforkctl: the bus at " + bus_.address() +
                           " does not answer; check whether its daemon is stopped or busy\n");
}

// What it reports about the unit of pool "echo", and the units that it has loaded.
struct FakeUnits {
  std::string load_state;
  pid_t main = 0;
  std::vector<std::vector<std::string>> loaded;  // name, active state, sub state
  std::string result = "exit-code";
  std::int32_t code = CLD_EXITED;
  std::int32_t status = 217;
  std::string status_text{};
  std::string listen{};
  std::function<void()> after_list = nullptr;  // called once
};

class FakeSystemd {
 public:
  FakeSystemd(const std::string& address, const std::string& load_state, pid_t main)
      : FakeSystemd(address, {load_state, main, {}}) {}
  FakeSystemd(const std::string& address, FakeUnits units)
      : client_(address), address_(address), units_(std::move(units)) {
    const auto take = [](sd_bus_message* call, void* self, sd_bus_error*) {
      return static_cast<FakeSystemd*>(self)->answer(call);
    };
    if (sd_bus_add_fallback(client_.native(), nullptr, "/", take, this) < 0 ||
        sd_bus_request_name(client_.native(), "org.freedesktop.systemd1", 0) < 0)
      throw HarnessError("no systemd can be made");
  }

  // The output of "kill echo 1", which each pool of these tests rejects in another way.
  std::string said() {
    const Ended ended = ctl({"kill", "echo", "1"});
    EXPECT_EQ(ended.status, 69);
    return ended.err;
  }
  Ended ctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--address=" + address_);
    Process process(binaries::preforkctl, arguments);
    while (!wait_ready(process.pidfd(), POLLIN, std::chrono::milliseconds(0)))
      client_.process(std::chrono::milliseconds(20));
    const int status = process.wait_exit().status.value_or(-1);
    return {status, process.out().wait_closed(), process.err().wait_closed()};
  }

 private:
  int list(sd_bus_message* call) const {
    sd_bus_message* reply = nullptr;
    int result = sd_bus_message_new_method_return(call, &reply);
    if (result >= 0) result = sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
    for (const auto& unit : units_.loaded) {
      if (result >= 0)
        result = sd_bus_message_append(reply, "(ssssssouso)", unit[0].c_str(), "", "loaded", unit[1].c_str(),
                                       unit[2].c_str(), "", "/org/freedesktop/systemd1/unit/any", 0U, "", "/");
    }
    if (result >= 0) result = sd_bus_message_close_container(reply);
    if (result >= 0) result = sd_bus_send(nullptr, reply, nullptr);
    sd_bus_message_unref(reply);
    return result < 0 ? result : 1;
  }
  int answer(sd_bus_message* call) {
    const std::string member = sd_bus_message_get_member(call);
    const char* first = nullptr;
    const char* second = nullptr;
    if (member == "ListUnitsByPatterns") {
      const int result = list(call);
      if (units_.after_list) std::exchange(units_.after_list, nullptr)();
      return result;
    }
    sd_bus_message_read(call, "s", &first);
    if (member == "LoadUnit" && first == std::string("preforkd@echo.service"))
      return sd_bus_reply_method_return(call, "o", "/org/freedesktop/systemd1/unit/echo");
    sd_bus_message_read(call, "s", &second);
    const std::string property = second;
    if (property == "LoadState") return sd_bus_reply_method_return(call, "v", "s", units_.load_state.c_str());
    if (property == "StatusText") return sd_bus_reply_method_return(call, "v", "s", units_.status_text.c_str());
    if (property == "Listen") return sd_bus_reply_method_return(call, "v", "a(ss)", 1, "Stream", units_.listen.c_str());
    if (property == "Result") return sd_bus_reply_method_return(call, "v", "s", units_.result.c_str());
    if (property == "ExecMainCode") return sd_bus_reply_method_return(call, "v", "i", units_.code);
    if (property == "ExecMainStatus") return sd_bus_reply_method_return(call, "v", "i", units_.status);
    return sd_bus_reply_method_return(call, "v", "u", static_cast<std::uint32_t>(units_.main));
  }

  BusClient client_;
  std::string address_;
  FakeUnits units_;
};

TEST_F(Ctl, a_process_that_is_not_the_units_main_one_is_not_the_pool) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be another user on the bus";
  constexpr std::uint32_t somebody = 65534;  // nobody
  const Owner owner(bus_.address(), somebody);
  const std::string own = std::to_string(::getpid());
  EXPECT_THAT(FakeSystemd(bus_.address(), "loaded", 0).said(),
              HasSubstr("process " + own +
                        " of uid 65534 has the name org.preforkd1.echo, but the main process of "
                        "preforkd@echo.service is none: it is not the pool"));
  EXPECT_THAT(FakeSystemd(bus_.address(), "loaded", 1).said(), HasSubstr("preforkd@echo.service is 1:"));
  EXPECT_THAT(FakeSystemd(bus_.address(), "loaded", ::getpid()).said(), HasSubstr(silent_master));
  EXPECT_THAT(FakeSystemd(bus_.address(), "not-found", 0).said(), HasSubstr(silent_master)) << "a pool by hand";
}

TEST_F(Ctl, root_is_believed_whatever_the_unit_says) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const Owner owner(bus_.address());
  EXPECT_THAT(FakeSystemd(bus_.address(), "loaded", 1).said(), HasSubstr(silent_master));
}

// The files of a machine: pools with a config, and the generator's notes about them.
class Machine {
 public:
  explicit Machine(const std::map<std::string, std::string>& configs) {
    std::filesystem::create_directories(etc());
    for (const auto& [name, config] : configs) write(name, config);
  }
  void write(const std::string& pool, const std::string& config) const {
    std::ofstream(etc() + '/' + pool + ".json") << config;
  }
  void daemon_reload() const {
    run(binaries::preforkd_generator,
        {"--config-folders", etc(), "--last-valid", root_.path() + "/run/preforkd-generator", root_.file("units")});
  }
  [[nodiscard]] std::string option() const { return "--root=" + root_.path(); }
  [[nodiscard]] std::string etc() const { return root_.path() + PREFORKD_SYSCONFDIR "/preforkd"; }

 private:
  TempDir root_;
};

const std::string valid_config = R"({"listen": ["127.0.0.1:9505"], "program": ["/bin/true"]})";
const std::map<std::string, std::string> three_configs{
    {"broken", valid_config}, {"idle", valid_config}, {"never", valid_config}, {"not.a.name", ""}};

const std::vector<std::vector<std::string>> started_units{
    {"preforkd@broken.service", "activating", "auto-restart"},
    {"preforkd@broken.socket", "active", "running"},
    {"preforkd@idle.socket", "active", "listening"},
    {"preforkd@left.socket", "failed", "failed"},
    {"preforkd@gone.service", "inactive", "dead"},
};

TEST_F(Ctl, pools_that_do_not_run_are_listed_as_systemd_has_their_units) {
  const Machine machine(three_configs);
  const FakePool echo(bus_.address(), three_workers());
  FakeSystemd systemd(bus_.address(), {"loaded", 0, started_units});
  const Ended list = systemd.ctl({"list", machine.option()});
  EXPECT_EQ(list.status, 0);
  EXPECT_THAT(list.out, testing::ContainsRegex("broken +failed .*exit 217/USER, journalctl -u preforkd@broken.service\n"
                                               "echo +running .*\n"
                                               "idle +waiting .*for its first connection\n"
                                               "left +failed .*journalctl -u preforkd@left.socket\n"
                                               "never +stopped "));
  EXPECT_THAT(list.out, testing::ContainsRegex("\n1 pool on the bus at .*, 4 others.\n"));
  EXPECT_EQ(systemd.ctl({"-q", "list", machine.option()}).out, "broken\necho\nidle\nleft\nnever\n");
  const json all = json::parse(systemd.ctl({"list", machine.option(), "--json=short"}).out);
  for (const json& pool : all) EXPECT_EQ(pool.size(), all[1].size()) << pool << " has other keys than one that runs";
  EXPECT_EQ(all[2]["state"], "waiting");
  EXPECT_EQ(all[2]["generation"], nullptr);
  EXPECT_EQ(all[2]["config_file"], machine.etc() + "/idle.json");
}

TEST_F(Ctl, status_tells_how_a_pool_is_that_does_not_run) {
  const Machine machine(three_configs);
  FakeSystemd systemd(bus_.address(), {"loaded", 0, started_units, "signal", CLD_KILLED, SIGKILL});
  const Ended failed = systemd.ctl({"status", "broken", machine.option()});
  EXPECT_EQ(failed.status, 3);
  EXPECT_THAT(failed.out,
              HasSubstr("broken\n      State: failed (signal 9 (SIGKILL), journalctl -u preforkd@broken.service)\n"
                        "     Config: " +
                        machine.etc() + "/broken.json\n"));
  EXPECT_THAT(systemd.ctl({"status", machine.option()}).out, HasSubstr("State: waiting (for its first connection)"));
  const Ended unknown = systemd.ctl({"status", "echo", machine.option()});
  EXPECT_EQ(unknown.status, 4);
  EXPECT_THAT(unknown.err, HasSubstr("no such pool: there is no " + machine.etc() + "/echo.json"));
  EXPECT_EQ(json::parse(systemd.ctl({"status", "echo", machine.option(), "--json=short"}).out)["state"],
            "no such pool");
  EXPECT_EQ(json::parse(systemd.ctl({"status", "idle", machine.option(), "--json=short"}).out)["state"], "waiting");
}

TEST_F(Ctl, status_of_a_pool_that_waits_before_its_next_try_says_why) {
  const Machine machine({{"late", valid_config}});
  FakeSystemd systemd(bus_.address(), {.load_state = "loaded",
                                       .loaded = {{"preforkd@late.service", "activating", "start"}},
                                       .status_text = "can't start: it is wrong; next try in 4s"});
  EXPECT_THAT(systemd.ctl({"status", "late", machine.option()}).out,
              HasSubstr("State: starting (can't start: it is wrong; next try in 4s)\n"));
}

TEST_F(Ctl, who_holds_the_address_of_a_socket_that_cannot_be_opened_is_told) {
  const Machine machine({{"left", valid_config}});
  const std::string path = machine.etc() + "/taken.sock";
  const auto holder = open_listener(parse_address(path).value(), {});
  ASSERT_TRUE(holder) << holder.error().text;
  FakeUnits units{.load_state = "loaded", .loaded = {{"preforkd@left.socket", "failed", "failed"}}};
  units.listen = path;
  EXPECT_THAT(FakeSystemd(bus_.address(), units).ctl({"status", "left", machine.option()}).out,
              HasSubstr("State: failed (its socket can't be opened: " + path + " is held by \""));
}

TEST_F(Ctl, a_pool_that_systemd_has_just_started_is_waited_for) {
  const Machine machine({{"echo", valid_config}});
  std::optional<FakePool> echo;
  FakeUnits units{.load_state = "loaded", .loaded = {{"preforkd@echo.service", "active", "running"}}};
  for (const char* const verb : {"status", "list"}) {
    echo.reset();
    units.after_list = [&] { echo.emplace(bus_.address(), three_workers()); };
    EXPECT_THAT(FakeSystemd(bus_.address(), units).ctl({verb, machine.option()}).out, HasSubstr("running")) << verb;
  }
}

TEST_F(Ctl, other_verbs_tell_a_pool_that_does_not_run_from_one_that_there_is_not) {
  const Machine machine(three_configs);
  FakeSystemd systemd(bus_.address(), {"loaded", 0, started_units});
  const Ended failed = systemd.ctl({"reload", "broken", machine.option()});
  EXPECT_EQ(failed.status, 3);
  EXPECT_THAT(failed.err,
              testing::ContainsRegex("pool \"broken\" is not running on .*: failed \\(exit 217/USER, journalctl"));
  EXPECT_EQ(systemd.ctl({"reload", "echo", machine.option()}).status, 4);
}

TEST_F(Ctl, without_systemd_pools_are_running_or_not) {
  const Machine machine(three_configs);
  EXPECT_THAT(ctl({"list", machine.option()}).out, testing::ContainsRegex("idle +not running "));
}

TEST_F(Ctl, a_config_that_was_wrong_at_the_last_daemon_reload_is_told) {
  const Machine machine({{"echo", valid_config}, {"idle", valid_config}});
  const FakePool echo(bus_.address(), three_workers());
  machine.daemon_reload();
  EXPECT_THAT(ctl({"list", machine.option()}).out, testing::ContainsRegex("echo .* Line echo\n"));
  EXPECT_THAT(ctl({"plan", "echo", machine.option()}).out, Not(HasSubstr("daemon-reload")));
  machine.write("echo", R"({"lisen": ["127.0.0.1:9505"]})");
  machine.write("idle", "{,");
  machine.daemon_reload();
  const std::string list = ctl({"list", machine.option()}).out;
  EXPECT_THAT(list, testing::ContainsRegex("echo +running .*wrong config: .*echo.json.*lisen"));
  EXPECT_THAT(list, testing::ContainsRegex("idle +not running .*wrong config: .*idle.json"));
  EXPECT_THAT(ctl({"status", machine.option()}).out, testing::ContainsRegex("Problem: wrong config: .*lisen"));
  EXPECT_THAT(ctl({"plan", "echo", machine.option()}).out,
              testing::ContainsRegex("\\(units\\) +of the last valid config: .*lisen.* +systemctl daemon-reload"));
  EXPECT_THAT(ctl_json({"list", machine.option()})[0]["config_problem"].get<std::string>(), HasSubstr("lisen"));
}

TEST_F(Ctl, metrics_have_pools_that_are_down) {
  const Machine machine({{"echo", valid_config}, {"idle", valid_config}});
  const FakePool echo(bus_.address(), three_workers());
  for (const char* const format : {"--format=openmetrics", "--format=prometheus"}) {
    const std::string all = ctl({"metrics", machine.option(), format}).out;
    EXPECT_THAT(all, HasSubstr("preforkd_pool_up{pool=\"echo\"} 1\npreforkd_pool_up{pool=\"idle\"} 0\n"));
    EXPECT_THAT(all, Not(HasSubstr("preforkd_workers_ready{pool=\"idle\"}")));
    EXPECT_THAT(ctl({"metrics", "idle", machine.option(), format}).out,
                HasSubstr("preforkd_pool_up{pool=\"idle\"} 0\n"));
  }
  EXPECT_EQ(ctl({"metrics", "nobody", machine.option()}).status, 4);
}

TEST_F(Ctl, scale_of_a_fixed_number_says_how_to_give_a_range) {
  FakePoolState state = three_workers();
  state.min_workers = state.max_workers = 4;
  FakePool pool(bus_.address(), state);
  pool.fail("Scale", {"org.preforkd1.Error.OutOfRange", "the pool has from 4 to 4"});
  const Ended ended = ctl({"scale", "echo", "8"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, testing::AllOf(HasSubstr("\"workers\" is fixed at 4"), HasSubstr(R"({"min": 4, "max": 8})")));
  EXPECT_THAT(ctl({"scale", "echo", "0"}).err, HasSubstr(R"({"min": 0, "max": 4, "scale": {}})")) << "no range without";
}

TEST_F(Ctl, figures_that_nothing_comes_to_are_shown_as_what_they_can_be) {
  FakePoolState state = three_workers();
  state.absurd = true;
  const FakePool pool(bus_.address(), state);
  for (const char* const verb : {"status", "workers", "list", "why", "metrics"}) {
    const Ended ended = verb == std::string("list") ? ctl({verb}) : ctl({verb, "echo"});
    EXPECT_EQ(ended.status, 0) << verb << ended.err;
  }
  EXPECT_THAT(ctl({"workers", "echo"}).out, testing::ContainsRegex("16.0E +18446744073709551615 +106751991d 4h "));
  EXPECT_THAT(ctl({"status", "echo"}).out, HasSubstr("18446744073709551615 connections"));
}

TEST_F(Ctl, text_that_is_not_ascii_is_for_a_terminal_that_takes_utf8) {
  FakePoolState state = three_workers();
  state.description = "Gr\xc3\xbc\xc3\x9f\x65";
  state.workers[0].status_text = "\xdb\x9b";  // U+06DB, of which the second byte alone is a control
  const FakePool pool(bus_.address(), state);
  StartOptions options;
  options.environment = {{"LC_ALL", "C"}};
  const std::vector<std::string> status{"--address=" + bus_.address(), "status", "echo"};
  EXPECT_THAT(run(binaries::preforkctl, status, options).out,
              testing::AllOf(HasSubstr("Gr\\xc3\\xbc\\xc3\\x9fe"), HasSubstr("\"\\xdb\\x9b\"")));
  options.environment = {{"LC_ALL", "C.UTF-8"}};
  EXPECT_THAT(run(binaries::preforkctl, status, options).out, HasSubstr(state.description));
  options.environment = {{"LC_ALL", "C"}};
  EXPECT_THAT(run(binaries::preforkctl, {"--address=" + bus_.address(), "metrics"}, options).out,
              HasSubstr("description=\"" + state.description + "\""))
      << "the format is UTF-8";
}

TEST_F(Ctl, apply_changes_nothing_where_the_config_is_wrong) {
  const Stand preforkd("preforkd");
  const Ended ended = run(binaries::preforkctl, {"--address=" + bus_.address(), "apply", "echo"}, preforkd.options());
  EXPECT_EQ(ended.status, 9);
  EXPECT_EQ(ended.out, "--check\n--name\necho\n");
  EXPECT_EQ(ended.err, "preforkctl: nothing was changed: the config is wrong\n");
}

TEST_F(Ctl, apply_without_a_systemd_says_what_it_could_not_do) {
  const Stand preforkd("preforkd", "exit 0\n");
  const Ended ended = run(binaries::preforkctl, {"--address=" + bus_.address(), "apply", "echo"}, preforkd.options());
  EXPECT_EQ(ended.status, 69);
  EXPECT_THAT(ended.err, HasSubstr("preforkctl: systemd: LoadUnit: "));
}

TEST(CtlCheck, executes_preforkd) {
  const Stand preforkd("preforkd");
  const Ended ended = run(binaries::preforkctl, {"check", "pool.json"}, preforkd.options());
  EXPECT_EQ(ended.status, 9);
  EXPECT_EQ(ended.out, "--check\n--config\npool.json\n");
  EXPECT_EQ(run(binaries::preforkctl, {"check", "preforkd@echo"}, preforkd.options()).out, "--check\n--name\necho\n");
}

}  // namespace
}  // namespace preforkd::component
