// SPDX-License-Identifier: MIT
#include "pools/bus/pool_snapshot.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

TEST(PoolSnapshot, a_property_that_is_missing_or_of_another_type_is_none) {
  const PoolSnapshot pool = pool_snapshot(Json::parse(
      R"({"Name": "echo", "Generation": "2", "Listeners": [["l0", "127.0.0.1:1", 3]], "LastReload": 7, "Program": [1]})"));
  EXPECT_EQ(pool.name, "echo");
  EXPECT_EQ(pool.generation, 0U);
  ASSERT_EQ(pool.listeners.size(), 1U);
  EXPECT_EQ(pool.listeners[0].queued, 3U);
  EXPECT_EQ(pool.listeners[0].limit, 0U);
  EXPECT_EQ(pool.last_reload.at, 0U);
  EXPECT_TRUE(pool.counters.counts) << "as in a version that does not report it";
}

TEST(PoolSnapshot, a_figure_that_does_not_fit_is_the_largest_that_does) {
  const PoolSnapshot pool = pool_snapshot(Json::parse(R"({"Generation": 4294967296, "Restarts": -1})"));
  EXPECT_EQ(pool.generation, UINT32_MAX);
  EXPECT_EQ(pool.restarts, 0U);
  const auto exits = past_exits(Json::parse(R"([[1, 0, 7, 1, "exit", "exited", 9223372036854775807, true, ""]])"));
  EXPECT_EQ(exits.at(0).status, INT32_MAX);
}

TEST(PoolSnapshot, exits_are_counts_by_cause) {
  const auto exits_of = [](const char* value) { return pool_snapshot(Json::parse(value)).exits; };
  EXPECT_EQ(exits_of(R"({"Exits": {"exit": 3, "oom": 0}})"),
            (std::map<std::string, std::uint64_t>{{"exit", 3}, {"oom", 0}}));
  EXPECT_TRUE(exits_of("{}").empty()) << "as in a version that does not report them";
  EXPECT_TRUE(exits_of(R"({"Exits": [1]})").empty());
  EXPECT_TRUE(exits_of(R"({"Exits": {"exit": "3"}})").empty()) << "unknown is not 0";
}

TEST(PoolSnapshot, named_counters_are_those_of_the_pool_or_of_a_worker) {
  const Json properties =
      Json::parse(R"({"Closes": {"peer-closed": 3, "odd": -1}, "ApplicationCounters": {"jobs_done": 2}})");
  for (const CounterSnapshot& counters : {pool_snapshot(properties).counters, worker_snapshot(properties).counters}) {
    EXPECT_EQ(counters.closes, (std::map<std::string, std::uint64_t>{{"peer-closed", 3}}));
    EXPECT_EQ(counters.application, (std::map<std::string, std::uint64_t>{{"jobs_done", 2}}));
  }
  EXPECT_TRUE(pool_snapshot(Json::parse("{}")).counters.closes.empty()) << "as in a version that does not report them";
}

TEST(PoolSnapshot, connections_that_were_not_served_are_those_of_the_pool_or_of_a_worker) {
  const Json properties = Json::parse(R"({"ConnectionsRefused": 5, "AcceptFailures": 2})");
  for (const CounterSnapshot& counters : {pool_snapshot(properties).counters, worker_snapshot(properties).counters}) {
    EXPECT_EQ(counters.connections_refused, 5U);
    EXPECT_EQ(counters.accept_failures, 2U);
  }
}

TEST(PoolSnapshot, connections_that_moved_are_those_of_the_pool_or_of_a_worker) {
  const Json properties = Json::parse(R"({"ConnectionsAdopted": 5, "ConnectionsHandedOver": 2})");
  for (const CounterSnapshot& counters : {pool_snapshot(properties).counters, worker_snapshot(properties).counters}) {
    EXPECT_EQ(counters.connections_adopted, 5U);
    EXPECT_EQ(counters.connections_handed_over, 2U);
  }
  EXPECT_EQ(pool_snapshot(Json::parse(R"({"ConnectionsClosedByKeepers": 3})")).connections_closed_by_keepers, 3U);
}

TEST(PoolSnapshot, messages_between_workers_are_those_of_the_pool_or_of_a_worker) {
  const Json properties = Json::parse(R"({"WorkerMessages": 5, "WorkerMessagesDropped": 2})");
  for (const CounterSnapshot& counters : {pool_snapshot(properties).counters, worker_snapshot(properties).counters}) {
    EXPECT_EQ(counters.worker_messages, 5U);
    EXPECT_EQ(counters.worker_messages_dropped, 2U);
  }
}

TEST(PoolSnapshot, is_fine_while_it_serves_as_it_should) {
  PoolSnapshot pool;
  for (const char* const state : {"running", "reloading"}) {
    pool.state = state;
    EXPECT_TRUE(pool.fine());
  }
  for (const char* const state : {"starting", "degraded", "stopping", ""}) {
    pool.state = state;
    EXPECT_FALSE(pool.fine());
  }
}

TEST(PoolSnapshot, workers_come_by_slot_as_a_number) {
  const auto workers = worker_snapshots(Json::parse(
      R"({"/w/10": {"org.preforkd1.Worker": {"Slot": 10, "PID": 7}}, "/w": {"org.preforkd1.Pool": {}},
          "/w/9": {"org.preforkd1.Worker": {"Slot": 9, "CPUUSec": 18446744073709551615}}})"));
  ASSERT_EQ(workers.size(), 2U);
  EXPECT_EQ(workers[0].slot, 9U);
  EXPECT_EQ(workers[0].cpu_us, UINT64_MAX);
  EXPECT_EQ(workers[1].pid, 7U);
}

TEST(PoolSnapshot, what_a_worker_uses_is_read_as_far_as_it_is_reported) {
  const WorkerSnapshot worker = worker_snapshot(
      Json::parse(R"({"MemoryBytes": 5, "Processes": 2, "OOMKills": 1, "Pressure": {"cpu": 1.5, "io": "x"}})"));
  EXPECT_EQ(worker.memory_bytes, 5U);
  EXPECT_EQ(worker.processes, 2U);
  EXPECT_EQ(worker.oom_kills, 1U);
  EXPECT_EQ(worker.pressure, (std::map<std::string, double>{{"cpu", 1.5}}));
  EXPECT_TRUE(worker_snapshot(Json::parse(R"({"Pressure": []})")).pressure.empty());
  for (const char* const unknown : {R"({"OOMKills": 18446744073709551615})", "{}"}) {
    EXPECT_EQ(worker_snapshot(Json::parse(unknown)).oom_kills, std::nullopt);
  }
}

TEST(PoolSnapshot, rows_of_methods_are_read_in_the_interfaces_order) {
  const auto exits = past_exits(Json::parse(R"([[5, 1, 99, 2, "exit", "exited", -3, true, "bad"], []])"));
  ASSERT_EQ(exits.size(), 2U);
  EXPECT_EQ(exits[0].pid, 99U);
  EXPECT_EQ(exits[0].status, -3);
  EXPECT_TRUE(exits[0].failure);
  EXPECT_EQ(exits[0].text, "bad");
  EXPECT_EQ(exits[1].pid, 0U);
  EXPECT_EQ(process_snapshots(Json::parse(R"([[1, 99, "ready", 2, 30, "/x"]])"))[0].connections, 30U);
  EXPECT_EQ(planned_changes(Json::parse(R"([["a.b", "1", "2", "resize"]])"))[0].needs, "resize");
}

}  // namespace
}  // namespace preforkd
