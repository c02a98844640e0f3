// SPDX-License-Identifier: MIT
#include "master/reload/reload_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

#include <nlohmann/json.hpp>

#include "config/reader/pool_reader.hpp"

#include "unit/master/listen_on.hpp"

namespace preforkd {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class ReloadPlanTest : public testing::Test {
 protected:
  ReloadPlanTest() {
    live.name = "echo";
    live.listen = {listen_on("127.0.0.1:80")};
    live.program = {"/usr/bin/server", "--flag"};
    live.workers = {.initial = 3, .min = 3, .max = 3};
    live.settings = R"({"idle_timeout": "5min", "limits": {"depth": 3}})";
    live.environment = {{"PASSWORD", "old secret"}};
    live.environment_files = {"/etc/default/server"};
    live.files = {FileStamp{"/usr/bin/server", {1, 2, 3, 4}}};
    next = live;
  }

  [[nodiscard]] ReloadPlan plan_of_service() const { return reload_plan(live, next, {present, true, {}, true}); }
  [[nodiscard]] ReloadPlan plan(bool passed = false) const { return reload_plan(live, next, {present, passed, lost}); }
  [[nodiscard]] std::vector<std::string> lines(bool passed = false) const { return to_lines(plan(passed)); }

  PoolConfig live;
  PoolConfig next;
  unsigned present = 3;
  std::vector<std::string> lost;
};

TEST_F(ReloadPlanTest, a_path_that_is_gone_needs_a_new_generation_whatever_else_changes) {
  live.listen.push_back(listen_on("/run/x"));
  next = live;
  next.workers = {.initial = 4, .min = 4, .max = 4};
  lost = {"/run/x"};
  EXPECT_TRUE(plan().new_generation);
  EXPECT_THAT(lines(), testing::Contains("listen /run/x: its path is gone → bound again: new generation"));
  next.listen = {listen_on("@new")};
  EXPECT_THAT(lines(), testing::Not(testing::Contains(testing::HasSubstr("bound again"))));
}

TEST_F(ReloadPlanTest, nothing_that_changed_is_still_a_new_generation) {
  EXPECT_THAT(plan().changes, IsEmpty());
  EXPECT_TRUE(plan().new_generation);
  EXPECT_THAT(lines(), ElementsAre("nothing has changed: every worker is replaced anyway: new generation"));
}

TEST_F(ReloadPlanTest, what_a_worker_gets_at_its_start_needs_a_new_generation) {
  next.settings = R"({"idle_timeout": "1min", "limits": {"depth": 4}, "more": true})";
  next.drain_timeout = minutes(1);
  next.program.emplace_back("two words");
  next.process.umask = 027;
  EXPECT_TRUE(plan().new_generation);
  EXPECT_THAT(
      lines(),
      ElementsAre("program: /usr/bin/server --flag → /usr/bin/server --flag two words: new generation",
                  "drain_timeout: 30s → 1min: new generation", "umask: as preforkd's → 0027: new generation",
                  "settings.idle_timeout: 5min → 1min: new generation", "settings.limits.depth: 3 → 4: new generation",
                  "settings.more: unset → true: new generation"));
}

TEST_F(ReloadPlanTest, the_number_of_workers_alone_replaces_nobody) {
  next.workers = {.initial = 4, .min = 2, .max = 8};
  EXPECT_FALSE(plan().new_generation);
  EXPECT_THAT(lines(), ElementsAre("workers: 3 → 2 to 8, at first 4: resize to 4 workers, no worker is replaced"));
  next.ready = ReadyMode::exec;
  EXPECT_TRUE(plan().new_generation);
}

TEST_F(ReloadPlanTest, a_number_of_workers_that_fits_the_new_limits_is_kept) {
  live.workers = {.initial = 2, .min = 2, .max = 2};
  next.workers = {.initial = 1, .min = 1, .max = 4};
  present = 2;
  EXPECT_EQ(plan().changes[0].needs, ChangeNeeds::nothing);
  EXPECT_FALSE(plan().new_generation);
  EXPECT_THAT(lines(), ElementsAre("workers: 2 → 1 to 4: the pool keeps 2 workers"));
  present = 6;
  EXPECT_THAT(lines(), ElementsAre("workers: 2 → 1 to 4: resize to 4 workers, no worker is replaced"));
}

TEST_F(ReloadPlanTest, parts_of_a_percent_are_a_difference) {
  live.reload.max_surge = 0.121;
  next.reload.max_surge = 0.124;
  next.recycle.jitter = 0.1004;
  EXPECT_FALSE(plan().new_generation);
  EXPECT_THAT(lines(), ElementsAre("recycle.jitter: 10% → 10.04%: applied, no worker is replaced",
                                   "reload.max_surge: 12.1% → 12.4%: applied, no worker is replaced"));
}

TEST_F(ReloadPlanTest, what_only_the_master_acts_by_replaces_nobody) {
  next.restart.delay = seconds(1);
  next.recycle.age = minutes(90);
  next.reload.max_surge = 0.25;
  next.description = "another";
  EXPECT_FALSE(plan().new_generation);
  EXPECT_THAT(lines(), ElementsAre("description: \"\" → another: applied, no worker is replaced",
                                   "restart.delay: 100ms → 1s: applied, no worker is replaced",
                                   "recycle.age: off → 1h 30min: applied, no worker is replaced",
                                   "reload.max_surge: 1 → 25%: applied, no worker is replaced"));
}

TEST_F(ReloadPlanTest, another_program_at_the_same_path_is_a_change_even_beside_others) {
  next.workers.initial = 2;
  next.files[0].version.inode = 7;
  EXPECT_TRUE(plan().new_generation);
  EXPECT_EQ(lines().back(), "file /usr/bin/server: changed: new generation");
}

TEST_F(ReloadPlanTest, values_of_the_environment_are_not_shown) {
  next.environment = {{"PASSWORD", "new secret"}, {"OTHER", "secret"}};
  EXPECT_THAT(lines(),
              ElementsAre("environment.PASSWORD: changed: new generation", "environment.OTHER: added: new generation"));
  std::swap(live, next);
  EXPECT_EQ(lines().back(), "environment.OTHER: removed: new generation");
}

TEST_F(ReloadPlanTest, addresses_come_and_go_by_a_new_generation_and_change_in_place) {
  live.listen.push_back(listen_on("/run/x"));
  next.listen = {listen_on("/run/x"), listen_on("@new")};
  next.listen[0].options.unix_mode = 0600;
  EXPECT_TRUE(plan().new_generation);
  EXPECT_THAT(lines(), ElementsAre("listen /run/x mode: 0666 → 0600: changed in place",
                                   "listen @new: added: bound first, new generation",
                                   "listen 127.0.0.1:80: removed: closed at the end, new generation"));
}

TEST_F(ReloadPlanTest, attributes_of_a_socket_that_stays_need_no_new_workers_but_its_name_does) {
  next.listen[0].options.backlog = 7;
  EXPECT_FALSE(plan().new_generation);
  next.listen[0].name = "web";
  EXPECT_TRUE(plan().new_generation);
  EXPECT_EQ(lines().front(), "listen 127.0.0.1:80: name echo → name web: new generation");
}

TEST_F(ReloadPlanTest, sockets_that_systemd_passed_are_not_ours_to_change) {
  next.listen = {listen_on("@new")};
  const std::string unit = ": needs a restart of preforkd and of the program that passes its sockets";
  EXPECT_THAT(lines(true), ElementsAre("listen @new: added" + unit, "listen 127.0.0.1:80: removed" + unit));
  EXPECT_TRUE(plan(true).new_generation) << "the reload has no other purpose";
}

TEST_F(ReloadPlanTest,
       as_a_service_what_systemd_has_to_do_is_named_with_its_command_and_workers_get_the_new_address_at_once) {
  next.listen = {live.listen.front(), listen_on("@new")};
  next.user = "www-data";
  next.restart.delay = std::chrono::seconds(7);
  EXPECT_THAT(to_lines(plan_of_service()),
              ElementsAre("listen @new: added: needs preforkctl apply echo", testing::HasSubstr("restart.delay"),
                          "user: the unit's → www-data: needs preforkctl apply echo"));
  EXPECT_TRUE(plan_of_service().new_generation);
  next.listen = live.listen;
  EXPECT_FALSE(plan_of_service().new_generation);
}

TEST_F(ReloadPlanTest, a_name_cannot_change_and_by_hand_an_address_is_needed) {
  EXPECT_THAT(reload_obstacles(live, next, false), IsEmpty());
  next.listen.clear();
  EXPECT_THAT(reload_obstacles(live, next, true), IsEmpty());
  EXPECT_THAT(reload_obstacles(live, next, false),
              ElementsAre("listen: is missing; a pool whose sockets systemd did not pass needs an address"));
  next.listen = live.listen;
  next.name = "other";
  EXPECT_THAT(reload_obstacles(live, next, false),
              ElementsAre("the pool's name can't change while it runs, from \"echo\" to \"other\"; stop it and start "
                          "it again"));
}

TEST_F(ReloadPlanTest, what_is_cut_off_where_it_is_shown_is_compared_all_the_same) {
  const std::string front(130, 'x');
  live.program = {"/usr/bin/server", front + "--db=old"};
  next.program = {"/usr/bin/server", front + "--db=new"};
  next.workers = {.initial = 4, .min = 4, .max = 4};
  EXPECT_TRUE(plan().new_generation);
  EXPECT_EQ(lines().front(), "program: changed: new generation");
}

TEST_F(ReloadPlanTest, the_order_of_addresses_is_a_change_where_it_is_ours) {
  live.listen = {listen_on("/run/x"), listen_on("@y"), listen_on("@gone")};
  next.listen = {listen_on("@y"), listen_on("@new"), listen_on("/run/x")};
  EXPECT_EQ(lines().back(), "listen: /run/x, @y → @y, /run/x: new generation");
  next.listen = {listen_on("@y"), listen_on("/run/x"), listen_on("@gone")};
  EXPECT_THAT(plan(true).changes, IsEmpty()) << "systemd decides in which order it passes them";
}

// Each value of these lists is different for the program, even if some look alike.
std::map<std::string, std::vector<nlohmann::json>> values_of_workers() {
  using Json = nlohmann::json;
  const std::string front(200, 'x');
  std::vector<Json> settings = {Json::object()};
  for (const char* text : {R"({"a": {"b": 1}})", R"({"a.b": 1})", R"({"a\\.b": 1})", R"({"a": {}})", R"({"a": []})",
                           R"({"a": "[]"})", R"({"a": "{}"})", R"({"a": null})", R"({"a": "null"})", R"({"a": ""})",
                           R"({"a": "\"\""})", R"({"a": 1})", R"({"a": "1"})", R"({"a": true})", R"({"a": ["b c"]})",
                           R"({"a": ["b", "c"]})", R"({"": 1})", R"({"a": {"": 1}})"})
    settings.push_back(Json::parse(text));
  for (const char* end : {"1", "2"}) {
    settings.push_back({{"token", front + end}});
    settings.push_back({{"tokens", {front + end}}});
    settings.push_back({{front + end, 1}});
  }
  return {{"listen",
           {Json::array({"@a"}), Json::array({"@a", "@b"}), Json::array({"@b", "@a"}),
            Json::array({{{"address", "@a"}, {"name", "web"}}})}},
          {"program",
           {Json::array({"/bin/true", "a b"}), Json::array({"/bin/true", "a", "b"}), Json::array({"/bin/true"}),
            Json::array({"/bin/true", ""}), Json::array({"/bin/true", front + "1"}),
            Json::array({"/bin/true", front + "2"}), Json::array({"/bin/false", "a b"})}},
          {"ready", {"exec", "notify"}},
          {"start_timeout", {"10s", "10000001us"}},
          {"drain_timeout", {"30s", "30000001us"}},
          {"hang_timeout", {"off", "1s", "1000001us"}},
          {"stop", {"control-group", "mixed", "process"}},
          {"stop_signal", {"SIGTERM", "SIGQUIT", 40}},
          {"environment",
           {Json::object(), {{"A", ""}}, {{"A", "1"}}, {{"B", "1"}}, {{"A", front + "1"}}, {{"A", front + "2"}}}},
          {"environment_files",
           {Json::array(), Json::array({"-/no"}), Json::array({"-/no", "-/ne"}), Json::array({"-/ne", "-/no"}),
            Json::array({"-/no -/ne"}), Json::array({"-/" + front + "1"}), Json::array({"-/" + front + "2"})}},
          {"directory", {"/", "/tmp", "/usr"}},
          {"umask", {nullptr, "0022", "0027"}},
          {"nice", {nullptr, 0, 5}},
          {"limits", {nullptr, {{"nofile", 100}}, {{"nofile", {{"soft", 50}, {"hard", 100}}}}, {{"core", 0}}}},
          {"cpu_affinity", {nullptr, "spread", "0"}},
          {"memory_max", {"off", "1M", "1048577B"}},
          {"memory_high", {"off", "1M", "2M"}},
          {"cpu_weight", {nullptr, 100, 101}},
          {"cpu_max", {nullptr, "100%", "150%"}},
          {"pids_max", {nullptr, 1, 2}},
          {"settings", settings}};
}

constexpr std::array<std::string_view, 11> no_worker_is_started_with = {
    "$schema", "description", "workers", "alert_after", "restart", "recycle",
    "reload",  "rebalance",   "user",    "sandbox",     "writable"};

TEST(ReloadPlanOfAnyConfigTest, any_difference_that_a_worker_sees_is_a_new_generation_whatever_else_changes) {
  const auto read = [](const std::string& key, const nlohmann::json& value, unsigned workers) {
    nlohmann::json json = {{"program", {"/bin/true"}}, {"listen", {"@a"}}, {"workers", workers}};
    if (!value.is_null()) json[key] = value;
    std::vector<ConfigProblem> problems;
    PoolConfig config = read_pool(nlohmann::json::parse(json.dump()), "echo", problems);
    for (const ConfigProblem& problem : problems) ADD_FAILURE() << json << ": " << problem.key << ' ' << problem.reason;
    return config;
  };
  for (const auto& [key, values] : values_of_workers()) {
    for (const nlohmann::json& before : values) {
      for (const nlohmann::json& after : values) {
        if (&before == &after) continue;
        EXPECT_TRUE(reload_plan(read(key, before, 1), read(key, after, 2), {1, false}).new_generation)
            << key << ": " << before << ", " << after;
      }
    }
  }
}

TEST(ReloadPlanOfAnyConfigTest, no_key_is_forgotten) {
  const auto tried = values_of_workers();
  for (const std::string_view key : config_sections().front().keys) {
    EXPECT_NE(tried.contains(std::string(key)), std::ranges::count(no_worker_is_started_with, key) > 0) << key;
  }
}

// A key without a row would be changed without showing what it needs.
TEST_F(ReloadPlanTest, every_key_of_the_config_has_a_row) {
  const std::vector<ConfigRow> rows = config_rows(live);
  for (const ConfigSection& section : config_sections()) {
    for (const std::string_view key : section.keys) {
      if (key == "$schema" || section.path == "listen" || section.path == "workers") continue;
      const std::string path = (section.path.empty() ? "" : std::string(section.path) + ".") + std::string(key);
      EXPECT_TRUE(std::any_of(rows.begin(), rows.end(), [&](const ConfigRow& row) {
        return row.key == path || row.key.starts_with(path + ".") || row.key.starts_with(path + " ");
      })) << path;
    }
  }
}

}  // namespace
}  // namespace preforkd
