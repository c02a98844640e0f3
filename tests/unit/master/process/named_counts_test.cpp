// SPDX-License-Identifier: MIT
#include "master/process/named_counts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>

namespace preforkd {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class NamedCountsTest : public testing::Test {
 protected:
  // As a worker may, past all checks.
  static void write(NamedCounter& entry, const std::string& name, std::uint64_t value) {
    for (std::size_t at = 0; at < name.size(); ++at) entry.name.at(at) = name[at];
    entry.value = value;
  }
  [[nodiscard]] NamedCounts read() const { return read_named_counts(page_.get()); }

  std::unique_ptr<StatsPage> page_ = std::make_unique<StatsPage>();
};

TEST_F(NamedCountsTest, a_program_that_does_not_count_has_none) {
  EXPECT_EQ(read_named_counts(nullptr), NamedCounts{});
}

TEST_F(NamedCountsTest, every_close_reason_of_the_library_has_its_name_even_if_it_never_occurred) {
  page_->closes_by_reason[5] = 2;
  const NamedCounts counts = read();
  EXPECT_EQ(counts.closes.size(), close_reason_names.size());
  EXPECT_THAT(counts.closes, Contains(Pair("idle-timeout", 2)));
  EXPECT_THAT(counts.closes, Contains(Pair("peer-closed", 0)));
  EXPECT_THAT(counts.application, IsEmpty());
}

TEST_F(NamedCountsTest, reasons_of_a_newer_library_are_unknown) {
  page_->closes_by_reason[30] = 2;
  page_->closes_by_reason[31] = 3;
  EXPECT_THAT(read().closes, Contains(Pair("unknown", 5)));
}

TEST_F(NamedCountsTest, the_applications_have_theirs) {
  write(page_->own_closes[0], "quota-exceeded", 4);
  write(page_->application[31], std::string(40, 'x'), 5);
  write(page_->application[1], "jobs_done", 0);
  EXPECT_THAT(read().closes, Contains(Pair("quota-exceeded", 4)));
  EXPECT_THAT(read().application, ElementsAre(Pair("jobs_done", 0), Pair(std::string(40, 'x'), 5)));
}

TEST_F(NamedCountsTest, what_the_library_cannot_have_written_is_skipped) {
  const std::size_t before = read().closes.size();
  write(page_->application[0], "a\"} 1\nb", 1);
  write(page_->application[1], "\xff\xfe", 1);
  write(page_->application[2], "Upper", 1);
  write(page_->application[3], "huge", UINT64_MAX);
  write(page_->application[4], "fine", 1);
  write(page_->own_closes[0], "under_score", 1);
  page_->own_closes[1].value = 7;
  page_->closes_by_reason[0] = std::uint64_t{0} - 1;
  EXPECT_THAT(read().application, ElementsAre(Pair("fine", 1)));
  EXPECT_EQ(read().closes.size(), before - 1);
}

TEST_F(NamedCountsTest, a_sum_adds_by_name) {
  NamedCounts sum{{{"drained", 1}}, {{"jobs", 2}}};
  sum += NamedCounts{{{"drained", 10}, {"quota", 1}}, {{"jobs", 20}, {"more", 3}}};
  EXPECT_EQ(sum, (NamedCounts{{{"drained", 11}, {"quota", 1}}, {{"jobs", 22}, {"more", 3}}}));
}

TEST_F(NamedCountsTest, a_sum_has_a_limit_and_keeps_the_names_that_were_first) {
  NamedCounts sum{{{"drained", 1}}, {{"zzz", 1}}};
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "a" + std::to_string(i);
    sum += NamedCounts{{{name, 1}}, {{name, 1}}};
  }
  sum += NamedCounts{{{"drained", 1}}, {{"zzz", 1}}};
  EXPECT_EQ(sum.closes.size(), NamedCounts::max_names);
  EXPECT_EQ(sum.application.size(), NamedCounts::max_names);
  EXPECT_EQ(sum.closes.at("drained"), 2U);
  EXPECT_EQ(sum.application.at("zzz"), 2U);
}

}  // namespace
}  // namespace preforkd
