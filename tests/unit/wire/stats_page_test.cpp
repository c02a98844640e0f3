// SPDX-License-Identifier: MIT
#include "wire/stats_page.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace preforkd {
namespace {

using testing::HasSubstr;

UniqueFd make_page() {
  Result<UniqueFd> fd = make_stats_memfd("preforkd-test");
  EXPECT_TRUE(fd) << fd.error().text;
  return std::move(*fd);
}

UniqueFd make_memfd(off_t size, int seals) {
  UniqueFd fd(::memfd_create("preforkd-test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(::ftruncate(fd.get(), size), 0);
  EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, seals), 0);
  return fd;
}

TEST(StatsPage, is_cloexec_and_can_neither_shrink_nor_grow_nor_be_sealed_otherwise) {
  const UniqueFd fd = make_page();
  EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::ftruncate(fd.get(), 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(fd.get(), 8192), -1);
  EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE), -1);
  EXPECT_EQ(::fcntl(fd.get(), F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

TEST(StatsPage, begins_with_zeros) {
  const UniqueFd fd = make_page();
  const Result<StatsMapping> page = StatsMapping::map(fd.get(), false);
  ASSERT_TRUE(page) << page.error().text;
  EXPECT_EQ((*page)->layout.load(), 0U);
  EXPECT_EQ((*page)->connections.load(), 0U);
  EXPECT_EQ((*page)->closes_by_reason.back().load(), 0U);
  EXPECT_EQ((*page)->application.back().read_name(), "");
  EXPECT_EQ((*page)->application.back().value.load(), 0U);
}

TEST(StatsPage, what_the_worker_counts_the_master_reads) {
  const UniqueFd fd = make_page();
  const Result<StatsMapping> worker = StatsMapping::map(fd.get(), true);
  const Result<StatsMapping> master = StatsMapping::map(fd.get(), false);
  ASSERT_TRUE(worker && master);
  (*worker)->requests_total.fetch_add(42, std::memory_order_relaxed);
  (*worker)->closes_by_reason[3].fetch_add(1, std::memory_order_relaxed);
  EXPECT_EQ((*master)->requests_total.load(std::memory_order_relaxed), 42U);
  EXPECT_EQ((*master)->closes_by_reason[3].load(std::memory_order_relaxed), 1U);
}

TEST(StatsPage, carries_counters_with_names_of_up_to_40_bytes) {
  const UniqueFd fd = make_page();
  const Result<StatsMapping> worker = StatsMapping::map(fd.get(), true);
  const Result<StatsMapping> master = StatsMapping::map(fd.get(), false);
  ASSERT_TRUE(worker && master);
  const std::string longest(NamedCounter::max_name, 'x');
  (*worker)->own_closes.back().set_name("quota-exceeded");
  (*worker)->application.front().set_name("jobs");
  (*worker)->application.back().set_name(longest);
  (*worker)->application.back().value.store(7);
  EXPECT_EQ((*master)->own_closes.back().read_name(), "quota-exceeded");
  EXPECT_EQ((*master)->application.front().read_name(), "jobs");
  EXPECT_EQ((*master)->application.back().read_name(), longest);
  EXPECT_EQ((*master)->application.back().value.load(), 7U);
}

TEST(StatsPage, a_named_counter_keeps_its_first_name) {
  NamedCounter counter{};
  counter.set_name("first");
  counter.set_name("second-and-longer");
  EXPECT_EQ(counter.read_name(), "first");
}

TEST(StatsPage, names_of_counters_and_close_reasons_are_checked) {
  for (const char* name : {"a", "jobs_done", "z9_"}) EXPECT_TRUE(is_counter_name(name)) << name;
  for (const char* name : {"a", "quota-exceeded", "z9-"}) EXPECT_TRUE(is_close_reason_name(name)) << name;
  for (const char* name : {"", "9a", "_a", "-a", "A", "aB", "a b", "a\"", "a\n", "\303\274"}) {
    EXPECT_FALSE(is_counter_name(name)) << name;
    EXPECT_FALSE(is_close_reason_name(name)) << name;
  }
  EXPECT_FALSE(is_counter_name("quota-exceeded"));
  EXPECT_FALSE(is_close_reason_name("jobs_done"));
  EXPECT_TRUE(is_counter_name(std::string(40, 'a')) && is_close_reason_name(std::string(40, 'a')));
  EXPECT_FALSE(is_counter_name(std::string(41, 'a')) || is_close_reason_name(std::string(41, 'a')));
}

TEST(StatsPageDeathTest, the_masters_mapping_cannot_be_written) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const UniqueFd fd = make_page();
  const Result<StatsMapping> page = StatsMapping::map(fd.get(), false);
  ASSERT_TRUE(page);
  EXPECT_DEATH((*page)->connections.store(1), "");
}

TEST(StatsPage, a_mapping_outlives_the_descriptor_and_moves) {
  UniqueFd fd = make_page();
  Result<StatsMapping> page = StatsMapping::map(fd.get(), true);
  ASSERT_TRUE(page);
  fd.reset();
  StatsMapping moved(std::move(*page));
  EXPECT_FALSE(*page);  // NOLINT(bugprone-use-after-move): that it is empty is the promise
  moved->bytes_in.store(7);
  StatsMapping assigned;
  assigned = std::move(moved);
  EXPECT_EQ(assigned->bytes_in.load(), 7U);
}

TEST(StatsPage, a_memfd_that_may_shrink_is_refused) {
  EXPECT_EQ(StatsMapping::map(make_memfd(4096, 0).get(), false).error().text, "is not sealed against resizing");
  EXPECT_EQ(StatsMapping::map(make_memfd(4096, F_SEAL_GROW).get(), false).error().text,
            "is not sealed against resizing");
  EXPECT_EQ(StatsMapping::map(make_memfd(4096, F_SEAL_WRITE).get(), false).error().text,
            "is not sealed against resizing");
}

TEST(StatsPage, a_memfd_that_is_too_small_is_refused) {
  const UniqueFd empty = make_memfd(0, F_SEAL_SHRINK | F_SEAL_GROW);
  EXPECT_EQ(StatsMapping::map(empty.get(), false).error().text, "has 0 bytes, fewer than a stats page");
  const UniqueFd small = make_memfd(4095, F_SEAL_SHRINK | F_SEAL_GROW);
  EXPECT_EQ(StatsMapping::map(small.get(), false).error().text, "has 4095 bytes, fewer than a stats page");
}

TEST(StatsPage, what_is_no_memfd_is_refused) {
  const UniqueFd device(::open("/dev/zero", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(StatsMapping::map(device.get(), false).error().text, "is not a memfd");
  EXPECT_THAT(StatsMapping::map(-1, false).error().text, HasSubstr("EBADF"));
}

}  // namespace
}  // namespace preforkd
