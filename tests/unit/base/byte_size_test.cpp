// SPDX-License-Identifier: MIT
#include "base/byte_size.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace preforkd {
namespace {

using testing::HasSubstr;

struct GoodSize {
  const char* text;
  std::uint64_t bytes;
};

const GoodSize good_sizes[] = {{"512B", 512},
                               {"64K", 65536},
                               {"1M", 1048576},
                               {"1.5G", 1610612736},
                               {"2T", 2199023255552},
                               {"0B", 0},
                               {" 64 K ", 65536},
                               {".5K", 512},
                               {"1.1K", 1126},
                               {"2.0B", 2},
                               {"9223372036854775807B", 9223372036854775807U},
                               {"8388607T", 9223370937343148032U}};

TEST(ByteSize, sizes_are_read_with_powers_of_1024) {
  for (const GoodSize& each : good_sizes) {
    const Result<std::uint64_t> bytes = parse_byte_size(each.text);
    ASSERT_TRUE(bytes) << each.text << ": " << bytes.error().text;
    EXPECT_EQ(*bytes, each.bytes) << each.text;
  }
}

struct BadSize {
  const char* text;
  const char* reason;
};

const BadSize bad_sizes[] = {{"", "is empty"},
                             {"  ", "is empty"},
                             {"64", "64 has no unit; write 64B, 64K"},
                             {"0", "has no unit"},
                             {"-1K", "must not be negative"},
                             {"+1K", "must not have a sign"},
                             {"K", "does not begin with a number"},
                             {"64k", "k is not a unit of size; the units are B, K, M, G, T"},
                             {"64KB", "KB is not a unit"},
                             {"64KiB", "KiB is not a unit"},
                             {"1M 1K", "M 1K is not a unit"},
                             {"1.K", "no digit after"},
                             {"1.2.3K", ".3K is not a unit"},
                             {"1.5B", "not a whole number of bytes"},
                             {"0.1234567G", "more than six digits"},
                             {"9223372036854775808B", "too large"},
                             {"8388608T", "too large"},
                             {"99999999999999999999B", "too large"},
                             {"1e3K", "e3K is not a unit"},
                             {"64K\n", "K\\n is not a unit"}};

TEST(ByteSize, what_is_no_size_is_refused_with_a_reason_that_helps) {
  for (const BadSize& each : bad_sizes) {
    const Result<std::uint64_t> bytes = parse_byte_size(each.text);
    ASSERT_FALSE(bytes) << each.text << " was read as " << *bytes;
    EXPECT_THAT(bytes.error().text, HasSubstr(each.reason)) << each.text;
  }
}

TEST(ByteSize, is_written_in_the_largest_unit_that_is_exact) {
  EXPECT_EQ(format_byte_size(0), "0B");
  EXPECT_EQ(format_byte_size(1000), "1000B");
  EXPECT_EQ(format_byte_size(65536), "64K");
  EXPECT_EQ(format_byte_size(1536), "1536B");
  EXPECT_EQ(format_byte_size(3ULL << 40), "3T");
}

TEST(ByteSize, what_is_written_reads_back_the_same) {
  std::mt19937_64 random(20260102);
  std::uniform_int_distribution<unsigned> bits(1, 63);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bytes = random() >> (64 - bits(random)) & ~((1ULL << random() % 40) - 1);
    const std::string text = format_byte_size(bytes);
    const Result<std::uint64_t> back = parse_byte_size(text);
    ASSERT_TRUE(back) << text << ": " << back.error().text;
    ASSERT_EQ(*back, bytes) << text;
  }
}

}  // namespace
}  // namespace preforkd
