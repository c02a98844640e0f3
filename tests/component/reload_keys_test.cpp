// SPDX-License-Identifier: MIT
// The effect of the keys of "reload".
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

// The number of new workers that start at the same time in a pool of 4.
std::size_t surge_of(const json& max_surge) {
  ConfiguredMaster master(pool_with(json::object(), "does_as_told", 4));
  master.reload(pool_with({{"max_surge", max_surge}}, "hangs_on_start", 4), "generation 2) started");
  const std::vector<std::string> table = master.table();
  EXPECT_EQ(count(table, "ready, generation 1"), 4U) << "no worker leaves before its replacement is ready";
  return count(table, "starting, generation 2");
}

// Lets a worker of slow_to_start become ready at a time chosen by the test.
class Gates {
 public:
  Gates() {
    for (char slot = '0'; slot < '4'; ++slot) {
      if (::mkfifo((fifos() + slot).c_str(), 0600) != 0) throw HarnessError("mkfifo failed");
    }
  }
  void open(char slot) const { std::ofstream(fifos() + slot).close(); }
  [[nodiscard]] json pool(const json& reload) const {
    json config = pool_with(reload, "slow_to_start", 4);
    config["program"].push_back(fifos());
    return config;
  }

 private:
  [[nodiscard]] std::string fifos() const { return folder_.file("fifo"); }

  TempDir folder_;
};

TEST(ReloadKeys, max_surge_as_a_number) {
  EXPECT_EQ(surge_of(1), 1U);
  EXPECT_EQ(surge_of(3), 3U);
}

TEST(ReloadKeys, max_surge_as_a_share_rounded_up) {
  EXPECT_EQ(surge_of("30%"), 2U);
  EXPECT_EQ(surge_of("100%"), 4U);
}

TEST(ReloadKeys, a_batch_is_switched_as_a_whole_and_then_the_next_one_starts) {
  const Gates gates;
  ConfiguredMaster master(pool_with(json::object(), "does_as_told", 4));
  master.reload(gates.pool({{"max_surge", 2}}), "worker 1");
  gates.open('1');
  std::string line;
  master.log().wait_for(std::regex("worker 1 .*generation 2\\) is ready"), line);
  std::vector<std::string> table = master.table();
  EXPECT_EQ(count(table, "ready, generation 1"), 4U) << "slot 0 is of the same batch";
  EXPECT_EQ(count(table, "starting, generation 2"), 1U);
  gates.open('0');
  master.log().wait_for(std::regex("worker 3 .*generation 2\\) started"), line);
  table = master.table();
  EXPECT_EQ(count(table, "ready, generation 1"), 2U);
  EXPECT_EQ(count(table, "ready, generation 2"), 2U);
  EXPECT_EQ(count(table, "starting, generation 2"), 2U);
  for (const char slot : {'2', '3'}) gates.open(slot);
  EXPECT_THAT(master.log().wait_for("reload done"), HasSubstr("generation 2 is live"));
}

TEST(ReloadKeys, max_unavailable_lets_old_workers_leave_first_once_a_new_one_works) {
  const Gates gates;
  ConfiguredMaster master(pool_with(json::object(), "does_as_told", 4));
  master.reload(gates.pool({{"max_unavailable", 2}}), "generation 2) started");
  EXPECT_EQ(count(master.table(), "ready, generation 1"), 4U)
      << "not for a generation of which no worker was ready yet";
  gates.open('0');
  // Slot 1 uses the surge; in slots 2 and 3 the old workers leave first.
  std::string line;
  master.log().wait_for(std::regex("worker 3 .*generation 2\\) started"), line);
  const std::vector<std::string> table = master.table();
  EXPECT_EQ(count(table, "starting, generation 2"), 3U);
  EXPECT_EQ(count(table, "ready, generation 1"), 1U);
  for (const char slot : {'1', '2', '3'}) gates.open(slot);
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
  master.hup("waiting: at most 1 older generation may drain at the same time (reload.max_draining)");
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
