// SPDX-License-Identifier: MIT
#include "pools/metrics_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "unit/lines_of.hpp"

namespace preforkd {
namespace {

using testing::HasSubstr;
using testing::Not;

KnownPool measured(const std::string& name) {
  KnownPool each;
  each.name = name;
  PoolSnapshot& pool = each.answer.emplace();
  pool.name = name;
  pool.state = "degraded";
  pool.started_at = 1'700'000'000'000'042;
  pool.counters.bytes_in = 77;
  pool.busy_us = 2'500'000;
  pool.exits = {{"exit", 0}, {"signal", 5}};
  pool.listeners = {{"l0", "127.0.0.1:80", 3, 128}, {"l1", "/run/x.sock", 0, 0}};
  each.workers.resize(2);
  each.workers[1].slot = 1;
  each.workers[1].state = "ready";
  each.workers[1].cpu_us = 1'500'000;
  return each;
}

std::string open_metrics(const std::vector<KnownPool>& pools) {
  return metrics_text(pools, MetricsFormat::open_metrics);
}

TEST(OpenMetrics, values_have_their_labels) {
  const std::string text = open_metrics({measured("echo")});
  for (const char* const line :
       {"preforkd_pool_state{pool=\"echo\",preforkd_pool_state=\"degraded\"} 1\n",
        "preforkd_pool_state{pool=\"echo\",preforkd_pool_state=\"running\"} 0\n",
        "preforkd_start_time_seconds{pool=\"echo\"} 1700000000.000042\n",
        "preforkd_received_bytes_total{pool=\"echo\"} 77\n", "preforkd_busy_seconds_total{pool=\"echo\"} 2.500000\n",
        "preforkd_listener_queued{pool=\"echo\",listener=\"l0\",address=\"127.0.0.1:80\"} 3\n",
        "preforkd_worker_up{pool=\"echo\",slot=\"0\"} 0\n", "preforkd_worker_up{pool=\"echo\",slot=\"1\"} 1\n",
        "preforkd_worker_cpu_seconds_total{pool=\"echo\",slot=\"1\"} 1.500000\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, testing::Not(HasSubstr("/run/x.sock"))) << "unknown is not 0";
}

TEST(OpenMetrics, exits_are_counted_by_cause_where_a_pool_reports_them) {
  KnownPool older = measured("older");
  older.answer->exits.clear();
  const std::string text = open_metrics({measured("echo"), older});
  EXPECT_THAT(text, HasSubstr("# TYPE preforkd_worker_exits counter\n"
                              "# HELP preforkd_worker_exits Workers that ended, by cause.\n"
                              "preforkd_worker_exits_total{pool=\"echo\",cause=\"exit\"} 0\n"
                              "preforkd_worker_exits_total{pool=\"echo\",cause=\"signal\"} 5\n#"));
  EXPECT_THAT(text, testing::Not(HasSubstr("preforkd_worker_exits_total{pool=\"older\"")));
}

TEST(OpenMetrics, closes_are_counted_by_reason_and_the_applications_counters_by_name) {
  KnownPool counting = measured("echo");
  counting.answer->counters.closes = {{"peer-closed", 0}, {"quota-exceeded", 7}};
  counting.answer->counters.application = {{"jobs_done", 12}};
  KnownPool foreign = counting;
  foreign.answer->name = "foreign";
  foreign.answer->counters.counts = false;
  const std::string text = open_metrics({counting, foreign});
  EXPECT_THAT(text, HasSubstr("# TYPE preforkd_worker_closes counter\n"
                              "# HELP preforkd_worker_closes Connections that ended in their worker, by reason; with "
                              "handed-over another one has them.\n"
                              "preforkd_worker_closes_total{pool=\"echo\",reason=\"peer-closed\"} 0\n"
                              "preforkd_worker_closes_total{pool=\"echo\",reason=\"quota-exceeded\"} 7\n"
                              "# TYPE preforkd_worker_application counter\n"
                              "# HELP preforkd_worker_application Counters of the application.\n"
                              "preforkd_worker_application_total{pool=\"echo\",counter=\"jobs_done\"} 12\n#"));
}

TEST(OpenMetrics, connections_that_were_not_served_are_counted_for_a_pool_and_a_worker) {
  KnownPool counting = measured("echo");
  counting.answer->counters.connections_refused = 5;
  counting.answer->counters.accept_failures = 2;
  counting.workers[1].counters.connections_refused = 4;
  counting.workers[1].counters.accept_failures = 1;
  const std::string text = open_metrics({counting});
  EXPECT_THAT(text, HasSubstr("# TYPE preforkd_connections_refused counter\n"
                              "# HELP preforkd_connections_refused Connections that the limits per peer refused.\n"
                              "preforkd_connections_refused_total{pool=\"echo\"} 5\n"
                              "# TYPE preforkd_accept_failures counter\n"
                              "# HELP preforkd_accept_failures Failures to accept a connection for lack of descriptors "
                              "or memory.\n"
                              "preforkd_accept_failures_total{pool=\"echo\"} 2\n#"));
  EXPECT_THAT(text, HasSubstr("preforkd_worker_connections_refused_total{pool=\"echo\",slot=\"1\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("preforkd_worker_accept_failures_total{pool=\"echo\",slot=\"1\"} 1\n"));
}

TEST(OpenMetrics, what_a_worker_uses_is_reported_as_far_as_it_is_known) {
  KnownPool using_much = measured("echo");
  using_much.workers[1].processes = 3;
  using_much.workers[1].oom_kills = 2;
  using_much.workers[1].pressure = {{"cpu", 12.5}, {"io", 0}};
  const std::string text = open_metrics({using_much});
  EXPECT_THAT(text, HasSubstr("# HELP preforkd_worker_processes Processes of the worker.\n"
                              "preforkd_worker_processes{pool=\"echo\",slot=\"1\"} 3\n#"));
  EXPECT_THAT(text, HasSubstr("preforkd_worker_pressure_ratio{pool=\"echo\",slot=\"1\",resource=\"cpu\"} 0.1250\n"
                              "preforkd_worker_pressure_ratio{pool=\"echo\",slot=\"1\",resource=\"io\"} 0.0000\n#"));
  EXPECT_THAT(text, HasSubstr("preforkd_worker_oom_kills_total{pool=\"echo\",slot=\"1\"} 2\n"));
  using_much.workers[1].oom_kills.reset();
  EXPECT_THAT(open_metrics({using_much}), Not(HasSubstr("preforkd_worker_oom_kills_total{")));
}

TEST(OpenMetrics, messages_between_workers_are_counted_for_a_pool_and_a_worker) {
  KnownPool counting = measured("echo");
  counting.answer->counters.worker_messages = 9;
  counting.answer->counters.worker_messages_dropped = 2;
  counting.workers[1].counters.worker_messages = 7;
  counting.workers[1].counters.worker_messages_dropped = 1;
  const std::string text = open_metrics({counting});
  EXPECT_THAT(text, HasSubstr("preforkd_messages_total{pool=\"echo\"} 9\n#"));
  EXPECT_THAT(text, HasSubstr("# HELP preforkd_messages_dropped Messages to workers that did not read them in time.\n"
                              "preforkd_messages_dropped_total{pool=\"echo\"} 2\n#"));
  EXPECT_THAT(text, HasSubstr("preforkd_worker_messages_total{pool=\"echo\",slot=\"1\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("preforkd_worker_messages_dropped_total{pool=\"echo\",slot=\"1\"} 1\n"));
}

TEST(OpenMetrics, connections_that_moved_are_counted_for_a_pool_and_a_worker) {
  KnownPool counting = measured("echo");
  counting.answer->counters.connections_adopted = 5;
  counting.answer->counters.connections_handed_over = 6;
  counting.answer->connections_closed_by_keepers = 3;
  counting.workers[1].counters.connections_adopted = 4;
  counting.workers[1].counters.connections_handed_over = 1;
  const std::string text = open_metrics({counting});
  EXPECT_THAT(text, HasSubstr("# TYPE preforkd_connections_adopted counter\n"
                              "# HELP preforkd_connections_adopted Connections that workers took over from others.\n"
                              "preforkd_connections_adopted_total{pool=\"echo\"} 5\n#"));
  EXPECT_THAT(text, HasSubstr("preforkd_connections_handed_over_total{pool=\"echo\"} 6\n#"));
  EXPECT_THAT(text, HasSubstr("preforkd_connections_closed_by_keepers_total{pool=\"echo\"} 3\n#"));
  EXPECT_THAT(text, HasSubstr("preforkd_worker_connections_adopted_total{pool=\"echo\",slot=\"1\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("preforkd_worker_connections_handed_over_total{pool=\"echo\",slot=\"1\"} 1\n"));
}

TEST(OpenMetrics, values_of_labels_are_escaped) {
  KnownPool each = measured("echo");
  each.answer->description = "a\"b\\c\nd";
  EXPECT_THAT(open_metrics({each}), HasSubstr("description=\"a\\\"b\\\\c\\nd\""));
  each.answer->description = "\x1b]0;title\x07 \xc2\x9b";
  EXPECT_THAT(open_metrics({each}), HasSubstr(R"(description="\\x1b]0;title\\x07 \\xc2\\x9b")"));
}

TEST(OpenMetrics, without_pools_are_families_and_an_end) {
  EXPECT_THAT(open_metrics({}), testing::EndsWith("# EOF\n"));
}

TEST(OpenMetrics, a_pool_that_is_down_is_not_up_and_nothing_else) {
  const std::string text = open_metrics({measured("echo"), {"idle", std::nullopt, {}, {}, {}}});
  EXPECT_THAT(text, HasSubstr("preforkd_pool_up{pool=\"echo\"} 1\npreforkd_pool_up{pool=\"idle\"} 0\n"));
  EXPECT_EQ(text.find("idle"), text.rfind("idle"));
}

// The rules of the format 0.0.4: TYPE and HELP have the name of the samples, which follow them, and the type is one of
// five; other lines with # are comments.
TEST(Prometheus, keeps_the_rules_of_the_format_and_has_the_same_samples) {
  const std::vector<KnownPool> pools{measured("echo"), measured("web")};
  std::string samples;
  std::string name;
  for (const std::string& line : lines_of(metrics_text(pools, MetricsFormat::prometheus))) {
    std::istringstream words(line);
    std::string mark, keyword, of, value;
    if (line.starts_with("#")) {
      words >> mark >> keyword >> of >> value;
      if (keyword == "TYPE") {
        EXPECT_TRUE(value == "gauge" || value == "counter") << line;
        EXPECT_EQ(value == "counter", of.ends_with("_total")) << line;
        name = of;
      } else {
        EXPECT_EQ(keyword, "HELP") << line;
        EXPECT_EQ(of, name) << line;
      }
      continue;
    }
    EXPECT_TRUE(line.starts_with(name + "{pool=\"")) << line;
    samples += line + '\n';
  }
  std::string of_open_metrics;
  for (const std::string& line : lines_of(open_metrics(pools))) {
    if (!line.starts_with("#")) of_open_metrics += line + '\n';
  }
  EXPECT_EQ(samples, of_open_metrics);
}

// The rules of the format: each family once, TYPE, UNIT and HELP before its samples, a unit ends the family's name,
// counters end in _total, nothing after "# EOF".
TEST(OpenMetrics, keeps_the_rules_of_the_format) {
  std::map<std::string, std::string> types;
  std::string family;
  const auto lines = lines_of(open_metrics({measured("echo"), measured("web")}));
  for (const std::string& line : lines) {
    std::istringstream words(line);
    std::string mark, keyword, name, value;
    if (line == "# EOF") break;
    if (line.starts_with("# ")) {
      words >> mark >> keyword >> name >> value;
      if (keyword == "TYPE") {
        EXPECT_FALSE(types.contains(name)) << name << " twice";
        types[name] = value;
        family = name;
      }
      EXPECT_EQ(name, family) << line;
      EXPECT_TRUE(keyword != "UNIT" || name.ends_with("_" + value)) << line;
      continue;
    }
    const std::string type = types[family];
    const std::string suffix = type == "counter" ? "_total" : type == "info" ? "_info" : "";
    EXPECT_TRUE(line.starts_with(family + suffix + "{pool=\"")) << line;
  }
  EXPECT_EQ(lines.back(), "# EOF");
  for (const auto& [name, type] : types) EXPECT_FALSE(name.ends_with("_total") || name.ends_with("_info")) << name;
}

}  // namespace
}  // namespace preforkd
