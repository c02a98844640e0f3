// SPDX-License-Identifier: MIT
// The keys of "reload", from the config file to what is seen of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>

#include "support/binaries.hpp"
#include "support/configured_master.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json pool_with(const json& reload, const std::string& program, unsigned workers) {
  return {{"listen", {"127.0.0.1:0"}},
          {"program", {binaries::worker(program)}},
          {"workers", workers},
          {"start_timeout", "1h"},
          {"reload", reload}};
}

std::size_t count(const std::vector<std::string>& table, const std::string& what) {
  return static_cast<std::size_t>(std::count_if(
      table.begin(), table.end(), [&](const std::string& line) { return line.find(what) != std::string::npos; }));
}

// New workers that start at a time in a pool of 4.
std::size_t surge_of(const json& max_surge) {
  ConfiguredMaster master(pool_with(json::object(), "does_as_told", 4));
  master.reload(pool_with({{"max_surge", max_surge}}, "hangs_on_start", 4), "generation 2) started");
  const std::vector<std::string> table = master.table();
  EXPECT_EQ(count(table, "ready, generation 1"), 4U) << "nobody leaves before its replacement is ready";
  return count(table, "starting, generation 2");
}

TEST(ReloadKeys, max_surge_as_a_number) {
  EXPECT_EQ(surge_of(1), 1U);
  EXPECT_EQ(surge_of(3), 3U);
}

TEST(ReloadKeys, max_surge_as_a_share_rounded_up) {
  EXPECT_EQ(surge_of("30%"), 2U);
  EXPECT_EQ(surge_of("100%"), 4U);
}

TEST(ReloadKeys, max_unavailable_lets_old_workers_leave_first_once_a_new_one_works) {
  const TempDir folder;
  for (char slot = '0'; slot < '4'; ++slot)
    ASSERT_EQ(::mkfifo(folder.file(std::string("fifo") + slot).c_str(), 0600), 0);
  const auto let_start = [&](char slot) { std::ofstream(folder.file(std::string("fifo") + slot)).close(); };
  ConfiguredMaster master(pool_with(json::object(), "does_as_told", 4));
  json config = pool_with({{"max_unavailable", 2}}, "slow_to_start", 4);
  config["program"].push_back(folder.file("fifo"));
  master.reload(config, "generation 2) started");
  EXPECT_EQ(count(master.table(), "ready, generation 1"), 4U)
      << "not for a generation that has not shown that it works";
  let_start('0');
  // Slot 1 by the surge, slots 2 and 3 by giving up their old workers.
  std::string line;
  const std::regex last("worker 3 \\(pid \\d+, generation 2\\) started");
  master.log().wait_for(last, line);
  const std::vector<std::string> table = master.table();
  EXPECT_EQ(count(table, "starting, generation 2"), 3U);
  EXPECT_EQ(count(table, "ready, generation 1"), 1U);
  for (const char slot : {'1', '2', '3'}) let_start(slot);
  EXPECT_THAT(master.log().wait_for("reload done"), HasSubstr("generation 2 is live"));
}

TEST(ReloadKeys, soak_keeps_old_workers_until_the_new_ones_have_survived_it) {
  ConfiguredMaster master(pool_with(json::object(), "does_as_told", 2));
  master.reload(pool_with({{"soak", "1h"}}, "does_as_told", 2), "generation 1 is live");
  master.hup("generation 2) is ready");
  const std::vector<std::string> table = master.table();
  EXPECT_EQ(count(table, "ready, generation 1"), 2U);
  EXPECT_EQ(count(table, "ready, generation 2"), 1U);
}

TEST(ReloadKeys, max_draining_makes_a_reload_wait_for_older_generations) {
  const json slow = pool_with({{"max_draining", 1}}, "ignores_sigterm", 1);
  ConfiguredMaster master(slow);
  master.hup("reload done");
  master.hup("reloading pool");
  const std::vector<std::string> table = master.table();
  EXPECT_EQ(count(table, "draining, generation 1"), 1U);
  EXPECT_EQ(count(table, "generation 3"), 0U) << "generation 1 still drains";
  static const std::regex pattern("pid (\\d+), draining, generation 1");
  std::smatch draining;
  ASSERT_TRUE(std::any_of(table.begin(), table.end(),
                          [&](const std::string& line) { return std::regex_search(line, draining, pattern); }));
  ::kill(std::stoi(draining[1]), SIGKILL);
  EXPECT_THAT(master.log().wait_for("generation 3 is live"), HasSubstr("reload done"));
}

}  // namespace
}  // namespace preforkd::component
