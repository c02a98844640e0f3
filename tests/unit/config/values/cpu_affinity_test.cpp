// SPDX-License-Identifier: MIT
#include "config/values/cpu_affinity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <string>

namespace preforkd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

unsigned last_cpu() { return static_cast<unsigned>(sysconf(_SC_NPROCESSORS_CONF)) - 1; }

TEST(CpuList, is_read_sorted_and_without_doubles) {
  EXPECT_THAT(parse_cpu_list("0").value(), ElementsAre(0U));
  EXPECT_THAT(parse_cpu_list("0,0-0").value(), ElementsAre(0U));
  const std::string last = std::to_string(last_cpu());
  const auto all = parse_cpu_list(last + ",0-" + last).value();
  EXPECT_EQ(all.size(), last_cpu() + 1U);
  EXPECT_EQ(all.back(), last_cpu());
}

TEST(CpuList, refuses_what_is_none) {
  for (const char* const text : {"", ",", "0,", "-", "0-", "-1", "1-0", "a", "0 ", "0-0-0", "0x0"}) {
    const auto cpus = parse_cpu_list(text);
    ASSERT_FALSE(cpus) << text;
    EXPECT_EQ(cpus.error().text, "is not a list of CPUs such as \"0-3,6\"");
  }
}

TEST(CpuList, refuses_cpus_that_the_machine_does_not_have) {
  const std::string last = std::to_string(last_cpu());
  for (const std::string& text :
       {std::to_string(last_cpu() + 1), "0-" + std::to_string(last_cpu() + 1), std::string("0-4294967295")}) {
    const auto cpus = parse_cpu_list(text);
    ASSERT_FALSE(cpus) << text;
    EXPECT_EQ(cpus.error().text, "this machine's CPUs are 0 to " + last);
  }
}

TEST(AllowedCpus, are_those_of_the_affinity_mask) {
  const std::vector<unsigned> before = allowed_cpus();
  ASSERT_FALSE(before.empty());
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  cpu_set_t last;
  CPU_ZERO(&last);
  CPU_SET(before.back(), &last);
  ASSERT_EQ(sched_setaffinity(0, sizeof last, &last), 0);
  EXPECT_THAT(allowed_cpus(), ElementsAre(before.back()));
  ASSERT_EQ(sched_setaffinity(0, sizeof all, &all), 0);
}

TEST(AffinityMask, is_none_unless_asked_for) { EXPECT_THAT(affinity_mask({}, 3, {0, 1}), IsEmpty()); }

TEST(AffinityMask, of_a_list_is_the_same_for_every_slot) {
  const CpuAffinity list{false, {0, 3, 64}};
  EXPECT_THAT(affinity_mask(list, 0, {0}), ElementsAre(0b1001UL, 1UL));
  EXPECT_THAT(affinity_mask(list, 7, {0}), ElementsAre(0b1001UL, 1UL));
}

TEST(AffinityMask, spread_goes_round_the_allowed_cpus) {
  const CpuAffinity spread{true, {}};
  const std::vector<unsigned> allowed = {2, 5, 70};
  EXPECT_THAT(affinity_mask(spread, 0, allowed), ElementsAre(1UL << 2));
  EXPECT_THAT(affinity_mask(spread, 1, allowed), ElementsAre(1UL << 5));
  EXPECT_THAT(affinity_mask(spread, 2, allowed), ElementsAre(0UL, 1UL << 6));
  EXPECT_THAT(affinity_mask(spread, 3, allowed), ElementsAre(1UL << 2));
}

}  // namespace
}  // namespace preforkd
