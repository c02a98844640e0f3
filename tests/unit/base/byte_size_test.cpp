// SPDX-License-Identifier: MIT
#include "base/byte_size.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace preforkd {
namespace {

using testing::HasSubstr;

struct Good {
  const char* text;
  std::uint64_t bytes;
};

class ReadsByteSize : public testing::TestWithParam<Good> {};

TEST_P(ReadsByteSize, with_powers_of_1024) {
  const Result<std::uint64_t> bytes = parse_byte_size(GetParam().text);
  ASSERT_TRUE(bytes) << GetParam().text << ": " << bytes.error();
  EXPECT_EQ(*bytes, GetParam().bytes) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(ByteSize, ReadsByteSize,
                         testing::Values(Good{"512B", 512}, Good{"64K", 65536}, Good{"1M", 1048576},
                                         Good{"1.5G", 1610612736}, Good{"2T", 2199023255552}, Good{"0B", 0},
                                         Good{" 64 K ", 65536}, Good{".5K", 512}, Good{"1.1K", 1126}, Good{"2.0B", 2},
                                         Good{"9223372036854775807B", 9223372036854775807U},
                                         Good{"8388607T", 9223370937343148032U}));

struct Bad {
  const char* text;
  const char* reason;
};

class RefusesByteSize : public testing::TestWithParam<Bad> {};

TEST_P(RefusesByteSize, with_a_reason_that_helps) {
  const Result<std::uint64_t> bytes = parse_byte_size(GetParam().text);
  ASSERT_FALSE(bytes) << GetParam().text << " was read as " << *bytes;
  EXPECT_THAT(bytes.error(), HasSubstr(GetParam().reason)) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    ByteSize, RefusesByteSize,
    testing::Values(Bad{"", "is empty"}, Bad{"  ", "is empty"}, Bad{"64", "64 has no unit; write 64B, 64K"},
                    Bad{"0", "has no unit"}, Bad{"-1K", "must not be negative"}, Bad{"+1K", "must not have a sign"},
                    Bad{"K", "has no number"}, Bad{"64k", "k is no unit of size; the units are B, K, M, G, T"},
                    Bad{"64KB", "KB is no unit"}, Bad{"64KiB", "KiB is no unit"}, Bad{"1M 1K", "M 1K is no unit"},
                    Bad{"1.K", "no digit after"}, Bad{"1.2.3K", ".3K is no unit"},
                    Bad{"1.5B", "no whole number of bytes"}, Bad{"0.1234567G", "more than six digits"},
                    Bad{"9223372036854775808B", "too large"}, Bad{"8388608T", "too large"},
                    Bad{"99999999999999999999B", "too large"}, Bad{"1e3K", "e3K is no unit"},
                    Bad{"64K\n", "K\\n is no unit"}));

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
    ASSERT_TRUE(back) << text << ": " << back.error();
    ASSERT_EQ(*back, bytes) << text;
  }
}

}  // namespace
}  // namespace preforkd
