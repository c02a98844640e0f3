// SPDX-License-Identifier: MIT
#include "config/reader/limits_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace preforkd {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Read {
  std::vector<ResourceLimit> limits;
  std::vector<std::string> problems;
};

Read read(const char* limits) {
  const Json config = {{"limits", Json::parse(limits)}};
  std::vector<ConfigProblem> problems;
  ConfigReader reader(config, "", problems);
  Read result;
  read_limits(reader, result.limits);
  for (const ConfigProblem& each : problems)
    result.problems.push_back(each.key + ": " + each.value + ": " + each.reason);
  return result;
}

std::vector<std::string> problems(const char* limits) { return read(limits).problems; }

// The one limit of a config without a problem, as "NAME SOFT HARD".
std::string only(const char* limits) {
  const Read result = read(limits);
  EXPECT_THAT(result.problems, IsEmpty());
  if (result.limits.size() != 1) return std::to_string(result.limits.size()) + " limits";
  const ResourceLimit& limit = result.limits.front();
  const auto show = [](rlim_t value) { return value == RLIM_INFINITY ? "infinity" : std::to_string(value); };
  return std::string(limit_name(limit.resource)) + ' ' + show(limit.soft) + ' ' + show(limit.hard);
}

TEST(Limits, one_value_sets_both) {
  EXPECT_EQ(only(R"({"nofile": 4096})"), "nofile 4096 4096");
  EXPECT_EQ(only(R"({"as": "1.5G"})"), "as 1610612736 1610612736");
  EXPECT_EQ(only(R"({"nproc": "infinity"})"), "nproc infinity infinity");
}

TEST(Limits, a_pair_sets_each) {
  EXPECT_EQ(only(R"({"core": {"soft": "1M", "hard": "infinity"}})"), "core 1048576 infinity");
  EXPECT_EQ(only(R"({"nofile": {"soft": 64, "hard": 64}})"), "nofile 64 64");
}

TEST(Limits, zero_bytes_need_no_unit) { EXPECT_EQ(only(R"({"core": 0})"), "core 0 0"); }

TEST(Limits, processor_time_is_a_time_span_in_whole_seconds) {
  EXPECT_EQ(only(R"({"cpu": "1h 1s"})"), "cpu 3601 3601");
  EXPECT_THAT(problems(R"({"cpu": "1500ms"})"),
              ElementsAre("limits.cpu: \"1500ms\": must be a whole number of seconds"));
  EXPECT_THAT(problems(R"({"cpu": 60})"), ElementsAre("limits.cpu: 60: 60 has no unit; write 60s, 60ms, …"));
  EXPECT_THAT(problems(R"({"cpu": "500ms"})"), ElementsAre("limits.cpu: \"500ms\": must be at least 1s"));
}

// setrlimit(2) refuses more than that even to root.
TEST(Limits, an_infinity_of_open_files_is_what_the_kernel_allows) {
  std::string most;
  std::ifstream("/proc/sys/fs/nr_open") >> most;
  ASSERT_FALSE(most.empty());
  EXPECT_EQ(only(R"({"nofile": "infinity"})"), "nofile " + most + ' ' + most);
  const std::string more = std::to_string(std::stoull(most) + 1);
  EXPECT_THAT(problems((R"({"nofile": )" + more + "}").c_str()),
              ElementsAre("limits.nofile: " + more + ": must be at most " + most + ", this machine's fs.nr_open"));
}

TEST(Limits, what_is_wrong_is_named) {
  EXPECT_THAT(problems("5"), ElementsAre("limits: 5: must be an object: {…}"));
  EXPECT_THAT(problems(R"({"nofiles": 5})"), ElementsAre(R"(limits.nofiles: 5: unknown key; did you mean "nofile"?)"));
  EXPECT_THAT(problems(R"({"nofile": 3})"), ElementsAre("limits.nofile: 3: must be at least 16"));
  EXPECT_THAT(problems(R"({"nofile": -1})"), ElementsAre("limits.nofile: -1: must be a whole number, or \"infinity\""));
  EXPECT_THAT(problems(R"({"nofile": "4K"})"),
              ElementsAre("limits.nofile: \"4K\": must be a whole number, or \"infinity\""));
  EXPECT_THAT(problems(R"({"as": 5})"), ElementsAre("limits.as: 5: 5 has no unit; write 5B, 5K, …"));
  EXPECT_THAT(problems(R"({"as": "4K"})"), ElementsAre("limits.as: \"4K\": must be at least 1M"));
  EXPECT_THAT(problems(R"({"as": []})"), ElementsAre("limits.as: []: must be a size such as \"64M\", or \"infinity\""));
  EXPECT_THAT(problems(R"({"core": {"soft": "1M"}})"),
              ElementsAre(R"(limits.core.hard: : is missing; {"soft": …, "hard": …} needs both)"));
  EXPECT_THAT(problems(R"({"core": {"soft": "2M", "hard": "1M"}})"),
              ElementsAre("limits.core.soft: \"2M\": must be at most the hard limit, \"1M\""));
  EXPECT_THAT(problems(R"({"core": {"soft": "infinity", "hard": "1M"}})"),
              ElementsAre("limits.core.soft: \"infinity\": must be at most the hard limit, \"1M\""));
  EXPECT_THAT(problems(R"({"core": {"soft": 1, "hard": "1M"}})"),
              ElementsAre("limits.core.soft: 1: 1 has no unit; write 1B, 1K, …"));
}

}  // namespace
}  // namespace preforkd
