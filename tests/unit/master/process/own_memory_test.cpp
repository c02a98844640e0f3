// SPDX-License-Identifier: MIT
#include "master/process/own_memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace preforkd {
namespace {

constexpr std::size_t much = 32UL * 1024 * 1024;

std::uint64_t growth_by(int flags) {
  const std::uint64_t before = own_memory(getpid()).value_or(0);
  void* area = mmap(nullptr, much, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
  EXPECT_NE(area, MAP_FAILED);
  std::memset(area, 1, much);
  const std::uint64_t after = own_memory(getpid()).value_or(0);
  munmap(area, much);
  EXPECT_GT(before, 0U);
  return after > before ? after - before : 0;
}

TEST(OwnMemory, grows_with_what_a_process_allocates) {
  const std::uint64_t growth = growth_by(MAP_PRIVATE);
  EXPECT_GT(growth, much / 2);
  EXPECT_LT(growth, much * 2);
}

TEST(OwnMemory, leaves_shared_memory_out) { EXPECT_LT(growth_by(MAP_SHARED), much / 2); }

TEST(OwnMemory, is_unknown_for_a_process_that_is_not_there) { EXPECT_EQ(own_memory(0), std::nullopt); }

}  // namespace
}  // namespace preforkd
