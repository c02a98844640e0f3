// SPDX-License-Identifier: MIT
#include "master/master_start.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace preforkd {
namespace {

MasterStart start_after(MasterRecord master, bool same_process) {
  Predecessor predecessor;
  predecessor.master = std::move(master);
  predecessor.pool.generations[predecessor.pool.image.pool.generation] = std::make_shared<const PoolConfig>();
  predecessor.same_process = same_process;
  MasterStart start;
  start.setup = {.soft_open_files = 20'000, .leaves_with_terminal = true, .in_master_group = true};
  start.go_on_from(std::move(predecessor));
  return start;
}

TEST(MasterStart, what_an_execve_hides_comes_from_the_predecessor) {
  const MasterRecord before;
  const MasterStart start = start_after(before, true);
  EXPECT_EQ(start.setup.soft_open_files, std::nullopt);
  EXPECT_FALSE(start.setup.leaves_with_terminal);
  EXPECT_FALSE(start.setup.in_master_group) << "the predecessor has moved this process there itself";
}

TEST(MasterStart, another_process_knows_it_itself) {
  const MasterStart start = start_after(MasterRecord(), false);
  EXPECT_EQ(start.setup.soft_open_files, 20'000U);
  EXPECT_TRUE(start.setup.leaves_with_terminal);
  EXPECT_TRUE(start.setup.in_master_group);
}

TEST(MasterStart, the_next_master_hears_it_as_well) {
  const MasterRecord record =
      describe_master({.soft_open_files = 5, .leaves_with_terminal = true, .in_master_group = true}, nullptr);
  const auto read = decode<MasterRecord>(encode(record));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, record);
  const MasterStart start = start_after(*read, true);
  EXPECT_EQ(start.setup.soft_open_files, 5U);
  EXPECT_TRUE(start.setup.leaves_with_terminal);
  EXPECT_TRUE(start.setup.in_master_group);
}

}  // namespace
}  // namespace preforkd
