// SPDX-License-Identifier: MIT
// Who may call which method, and that callers can't disturb the master.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "support/fake_polkit.hpp"
#include "support/proc.hpp"
#include "support/shown_pool.hpp"

namespace preforkd::component {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

constexpr std::uint32_t nobody = 65534;
constexpr std::uint32_t daemon_user = 1;  // "daemon": the bus accepts only users that exist
constexpr const char* not_authorized = "org.preforkd1.Error.NotAuthorized";

class BusAuthorization : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can connect as another user";
    pool = std::make_unique<ShownPool>();
    caller = std::make_unique<BusClient>(pool->bus.address(), nobody);
  }
  BusClient::Reply reload() { return caller->call(test_pool, pool_object, "Reload"); }
  BusClient::Reply kill_worker() { return caller->call(test_pool, worker_object(1), "Kill", "i", SIGTERM); }

  std::unique_ptr<ShownPool> pool;
  std::unique_ptr<BusClient> caller;
};

TEST_F(BusAuthorization, everybody_may_look) {
  EXPECT_EQ(caller->get(test_pool, pool_object, "org.preforkd1.Pool", "State"), "running");
  for (const std::string method : {"ListWorkers", "GetManagedObjects", "Introspect"})
    EXPECT_TRUE(caller->call(test_pool, pool_object, method).ok()) << method;
  EXPECT_TRUE(caller->call(test_pool, pool_object, "ExitHistory", "u", 5U).ok());
  EXPECT_TRUE(caller->call(test_pool, pool_object, "GetWorker", "u", 0U).ok());
}

TEST_F(BusAuthorization, without_polkit_only_root_may_change_something) {
  EXPECT_EQ(reload().error, not_authorized);
  EXPECT_THAT(reload().text, HasSubstr("org.preforkd1.reload is not allowed for uid 65534: polkit is not available"));
  EXPECT_EQ(kill_worker().error, not_authorized);
  EXPECT_EQ(caller->call(test_pool, pool_object, "Plan").error, not_authorized);
  EXPECT_EQ(caller->call(test_pool, pool_object, "Scale", "u", 4U).error, not_authorized);
  EXPECT_EQ(caller->call(test_pool, pool_object, "RecycleAll").error, not_authorized);
  EXPECT_EQ(caller->call(test_pool, pool_object, "Rebalance").error, not_authorized);
  EXPECT_EQ(caller->call(test_pool, pool_object, "SetDrained", "b", 1).error, not_authorized);
  EXPECT_EQ(caller->call(test_pool, worker_object(0), "Recycle").error, not_authorized);
  EXPECT_EQ(pool->get("Generation"), "1");
  EXPECT_EQ(pool->get("TargetWorkers"), "2");
  EXPECT_EQ(pool->get("Drained"), "false");
  EXPECT_TRUE(pool->call("Reload").ok()) << "root";
}

TEST_F(BusAuthorization, polkit_decides_and_hears_pool_and_slot) {
  FakePolkit polkit(pool->bus.address());
  polkit.set("org.preforkd1.manage", FakePolkit::Answer::yes);
  polkit.set("org.preforkd1.reload", FakePolkit::Answer::no);
  EXPECT_TRUE(kill_worker().ok());
  EXPECT_EQ(reload().error, not_authorized);
  polkit.set("org.preforkd1.reload", FakePolkit::Answer::challenge);
  EXPECT_THAT(reload().text, HasSubstr("authentication as an administrator is required"));
  const std::vector<FakePolkit::Question> asked = polkit.questions();
  ASSERT_THAT(asked, SizeIs(3));
  EXPECT_EQ(asked[0].action, "org.preforkd1.manage");
  EXPECT_THAT(asked[0].details, ElementsAre(Pair("pool", "test"), Pair("slot", "1")));
  EXPECT_FALSE(asked[0].interactive);
  EXPECT_EQ(asked[1].action, "org.preforkd1.reload");
  EXPECT_THAT(asked[1].details, ElementsAre(Pair("pool", "test")));
  pool->master.log().wait_for("signal 15 (SIGTERM) to worker 1, requested by uid 65534");
}

TEST_F(BusAuthorization, a_polkit_that_does_not_trust_the_pools_user_is_told_from_a_refusal) {
  FakePolkit polkit(pool->bus.address());
  polkit.set("org.preforkd1.reload", FakePolkit::Answer::mistrust);
  EXPECT_EQ(reload().error, not_authorized);
  EXPECT_THAT(reload().text,
              HasSubstr("polkit: Only trusted callers; to let this pool ask, add unix-user:0 to the owners in "
                        "/usr/share/polkit-1/actions/org.preforkd1.policy"));
}

TEST_F(BusAuthorization, root_is_not_asked_about) {
  FakePolkit polkit(pool->bus.address());
  EXPECT_TRUE(pool->call("Scale", "u", 3U).ok());
  EXPECT_THAT(polkit.questions(), IsEmpty());
}

TEST_F(BusAuthorization, a_silent_polkit_holds_up_nobody_else_and_has_a_limit) {
  const FakePolkit polkit(pool->bus.address());
  const auto waiting = std::make_unique<BusClient>(pool->bus.address(), nobody);
  for (int i = 0; i < 300; ++i) waiting->call_and_forget(test_pool, worker_object(1), "Recycle");
  EXPECT_TRUE(eventually([&] { return polkit.questions().size() == 32; }));
  EXPECT_EQ(reload().error, "org.freedesktop.DBus.Error.LimitsExceeded");
  BusClient other(pool->bus.address(), daemon_user);
  other.call_and_forget(test_pool, worker_object(1), "Recycle");
  EXPECT_TRUE(eventually([&] { return polkit.questions().size() == 33; })) << "a user has a share, not all";
  EXPECT_TRUE(pool->call("Scale", "u", 3U).ok()) << "root does not have to wait";
  const std::string pid = pool->get_worker(1, "PID");
  ASSERT_EQ(kill(std::stoi(pid), SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return pool->get_worker(1, "PID") != pid && pool->get_worker(1, "State") == "ready"; }))
      << "replaced meanwhile";
}

TEST_F(BusAuthorization, the_log_level_is_roots_to_change) {
  const auto set = [&](BusClient& client) {
    return sd_bus_set_property(client.native(), test_pool.c_str(), "/org/freedesktop/LogControl1",
                               "org.freedesktop.LogControl1", "LogLevel", nullptr, "s", "err");
  };
  const auto level = [&] {
    return caller->get(test_pool, "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1", "LogLevel");
  };
  EXPECT_EQ(level(), "debug");
  EXPECT_EQ(set(*caller), -EACCES);
  EXPECT_EQ(level(), "debug");
  EXPECT_GE(set(pool->client), 0);
  EXPECT_EQ(level(), "err");
}

TEST(BusCallers, wrong_types_and_unknown_slots_are_errors) {
  ShownPool pool;
  EXPECT_EQ(pool.call("Scale", "s", "three").error, "org.freedesktop.DBus.Error.InvalidArgs");
  EXPECT_EQ(pool.call("Scale").error, "org.freedesktop.DBus.Error.InvalidArgs");
  EXPECT_EQ(pool.call("Explode").error, "org.freedesktop.DBus.Error.UnknownMethod");
  EXPECT_EQ(pool.call("GetWorker", "u", 2U).error, "org.preforkd1.Error.NoSuchWorker");
  EXPECT_EQ(pool.call("GetWorker", "u", 4'000'000'000U).error, "org.preforkd1.Error.NoSuchWorker");
  EXPECT_EQ(pool.call("GetWorkerByPID", "u", 1U).error, "org.preforkd1.Error.NoSuchWorker");
  EXPECT_EQ(pool.call("GetWorkerByPID", "u", 0U).error, "org.preforkd1.Error.NoSuchWorker");
  EXPECT_EQ(pool.call_worker(7, "Recycle").error, "org.freedesktop.DBus.Error.UnknownObject");
  for (const int bad : {0, -1, 65, 1000})
    EXPECT_EQ(pool.call_worker(0, "Kill", "i", bad).error, "org.preforkd1.Error.OutOfRange");
  EXPECT_EQ(pool.get("State"), "running");
}

TEST(BusCallers, who_goes_away_before_the_answer_is_missed_by_nobody) {
  ShownPool pool;
  for (int i = 0; i < 20; ++i) {
    BusClient hurried(pool.bus.address());
    hurried.call_and_forget(test_pool, pool_object, "Reload");
  }
  EXPECT_TRUE(pool.call("Reload").ok());
  EXPECT_EQ(pool.get("ReadyWorkers"), "2");
}

TEST(BusCallers, a_flood_does_not_keep_a_dead_worker_from_being_replaced) {
  ShownPool pool;
  BusClient flood(pool.bus.address());
  const std::string pid = pool.get_worker(0, "PID");
  for (int i = 0; i < 2000; ++i)
    flood.call_and_forget(test_pool, pool_object, i % 2 == 0 ? "GetManagedObjects" : "ListWorkers");
  ASSERT_EQ(kill(std::stoi(pid), SIGKILL), 0);
  for (int i = 0; i < 2000; ++i) flood.call_and_forget(test_pool, pool_object, "ListWorkers");
  pool.master.log().wait_for("worker 0 (pid " + pid + ", generation 1) died: signal 9");
  EXPECT_TRUE(eventually([&] { return pool.get_worker(0, "State") == "ready" && pool.get_worker(0, "PID") != pid; }));
}

// Ends with the threads.
std::vector<std::jthread> callers_without_end(const ShownPool& pool) {
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&](const std::stop_token& stop) {
      BusClient flood(pool.bus.address());
      while (!stop.stop_requested()) {
        for (int call = 0; call < 15; ++call) flood.call_and_forget(test_pool, pool_object, "GetManagedObjects");
        static_cast<void>(flood.call(test_pool, pool_object, "GetManagedObjects"));
      }
    });
  }
  return callers;
}

TEST(BusCallers, a_flood_without_end_keeps_no_deadline_from_passing) {
  nlohmann::json config = pool_config(16);
  config["restart"] = {{"delay", "50ms"}, {"max_delay", "50ms"}};
  const ShownPool pool(config);
  const std::vector<std::jthread> callers = callers_without_end(pool);
  const std::regex ready(R"(worker 0 \(pid (\d+), generation 1\) is ready)");
  std::size_t mark = 0;
  for (int crash = 0; crash < 4; ++crash) {  // all but the first are followed by a wait of 50ms
    std::string line;
    const pid_t pid = std::stoi(pool.master.log().wait_for(ready, line, mark)[1]);
    mark = pool.master.log().size();
    ASSERT_EQ(kill(pid, SIGKILL), 0);
  }
  std::string line;
  pool.master.log().wait_for(ready, line, mark);
}

TEST(BusCallers, a_flood_without_end_gets_a_part_of_the_processor_at_most) {
  using std::chrono::milliseconds;
  ShownPool pool(pool_config(16));
  const auto used = [&] {
    clockid_t clock{};
    timespec time{};
    EXPECT_EQ(clock_getcpuclockid(pool.master.process().pid(), &clock), 0);
    EXPECT_EQ(clock_gettime(clock, &time), 0);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  const auto begin = std::chrono::steady_clock::now();
  const auto before = used();
  const std::vector<std::jthread> callers = callers_without_end(pool);
  BusClient caller(pool.bus.address());
  const Deadline deadline;
  while (used() - before < milliseconds(200)) {
    ASSERT_TRUE(caller.call(test_pool, pool_object, "GetManagedObjects").ok());
    ASSERT_FALSE(deadline.passed());
  }
  EXPECT_GT(std::chrono::steady_clock::now() - begin, milliseconds(400)) << "of which it may use 100 ms or little more";
}

}  // namespace
}  // namespace preforkd::component
