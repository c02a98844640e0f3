// SPDX-License-Identifier: MIT
#include "worker/service/statistics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "base/errors.hpp"
#include "worker/connection/own_close_reasons.hpp"

namespace prefork::internal {
namespace {

using testing::HasSubstr;

std::string failure(Statistics& statistics, const std::string& name) {
  try {
    static_cast<void>(statistics.counter(name));
  } catch (const std::invalid_argument& error) {
    return error.what();
  } catch (const std::length_error& error) {
    return error.what();
  }
  return "";
}

TEST(StatisticsTest, the_same_name_is_the_same_counter) {
  Statistics statistics((preforkd::UniqueFd()));
  auto& jobs = statistics.counter("jobs");
  EXPECT_NE(&statistics.counter("errors"), &jobs);
  EXPECT_EQ(&statistics.counter("jobs"), &jobs);
}

TEST(StatisticsTest, a_name_that_is_not_fit_for_a_metric_is_refused) {
  Statistics statistics((preforkd::UniqueFd()));
  EXPECT_EQ(failure(statistics, "no-dash"),
            "counter \"no-dash\": a name is a letter from a to z and up to 39 of a-z, 0-9 and _");
  EXPECT_NE(failure(statistics, ""), "");
  EXPECT_EQ(failure(statistics, std::string(40, 'a')), "");
  EXPECT_NE(failure(statistics, std::string(41, 'a')), "");
}

TEST(StatisticsTest, there_are_at_most_32_counters) {
  Statistics statistics((preforkd::UniqueFd()));
  for (int i = 0; i < 32; ++i) EXPECT_EQ(failure(statistics, "c" + std::to_string(i)), "");
  EXPECT_EQ(failure(statistics, "c32"), "counter \"c32\": there are 32 already");
  EXPECT_EQ(failure(statistics, "c31"), "");
}

TEST(StatisticsTest, what_is_counted_before_run_is_in_the_shared_page_which_is_read_from_then_on) {
  static_cast<void>(OwnCloseReasons::of_process().add("quota-exceeded"));
  preforkd::UniqueFd fd = preforkd::make_stats_memfd("test").value();
  const auto page = preforkd::StatsMapping::map(fd.get(), false).value();
  Statistics statistics(std::move(fd));
  statistics.counter("jobs").fetch_add(3);
  EXPECT_EQ(page->application.front().read_name(), "jobs");
  EXPECT_EQ(page->application.front().value, 3U);
  EXPECT_EQ(page->layout, 0U);
  static_cast<void>(statistics.begin());
  EXPECT_EQ(page->layout, preforkd::StatsPage::layout_version);
  bool named = false;
  for (const preforkd::NamedCounter& each : page->own_closes) named = named || each.read_name() == "quota-exceeded";
  EXPECT_TRUE(named) << "also while it is 0";
}

TEST(StatisticsTest, a_descriptor_that_is_not_a_page_is_reported_at_the_start) {
  Statistics statistics(preforkd::UniqueFd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  statistics.counter("jobs").fetch_add(1);
  try {
    static_cast<void>(statistics.begin());
    FAIL() << "did not throw";
  } catch (const preforkd::ExitError& error) {
    EXPECT_EQ(error.exit_code(), preforkd::exit_code::os_error);
    EXPECT_THAT(error.what(), HasSubstr("cannot start: PREFORK_STATS_FD: is not sealed"));
  }
}

}  // namespace
}  // namespace prefork::internal
