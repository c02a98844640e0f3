// SPDX-License-Identifier: MIT
#include "worker/connection/buffer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>

namespace prefork::internal {
namespace {

TEST(BufferTest, keeps_bytes_in_order_through_append_and_consume) {
  Buffer buffer;
  std::string expected;
  std::size_t consumed = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string piece = "piece " + std::to_string(i) + ";";
    expected += piece;
    ASSERT_TRUE(buffer.append(piece));
    const std::size_t part = std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(i % 23));
    buffer.consume(part);
    consumed += part;
    ASSERT_EQ(buffer.view(), std::string_view(expected).substr(consumed));
  }
}

TEST(BufferTest, prepared_room_becomes_part_of_the_queue_only_by_commit) {
  Buffer buffer;
  ASSERT_TRUE(buffer.append("ab"));
  char* const room = buffer.prepare(100);
  ASSERT_NE(room, nullptr);
  std::memcpy(room, "cdef", 4);
  EXPECT_EQ(buffer.view(), "ab");
  buffer.commit(2);
  EXPECT_EQ(buffer.view(), "abcd");
}

TEST(BufferTest, a_queue_that_is_consumed_as_it_fills_does_not_grow) {
  Buffer buffer;
  const std::string piece(100, 'x');
  for (int i = 0; i < 10000; ++i) {
    ASSERT_TRUE(buffer.append(piece));
    if (i > 2) buffer.consume(piece.size());
  }
  EXPECT_LE(buffer.capacity(), 2048U);
}

TEST(BufferTest, impossible_room_is_refused_and_changes_nothing) {
  Buffer buffer;
  ASSERT_TRUE(buffer.append("kept"));
  EXPECT_EQ(buffer.prepare(std::numeric_limits<std::size_t>::max() - 1), nullptr);
  EXPECT_EQ(buffer.view(), "kept");
}

TEST(BufferPoolTest, lends_the_same_memory_again_but_not_a_big_one) {
  BufferPool pool;
  auto buffer = pool.take();
  ASSERT_TRUE(buffer->append("some bytes"));
  Buffer* const first = buffer.get();
  pool.give_back(std::move(buffer));
  buffer = pool.take();
  EXPECT_EQ(buffer.get(), first);
  EXPECT_TRUE(buffer->empty());
  ASSERT_TRUE(buffer->append(std::string(100000, 'x')));
  pool.give_back(std::move(buffer));
  EXPECT_LT(pool.take()->capacity(), 100000U);
}

}  // namespace
}  // namespace prefork::internal
