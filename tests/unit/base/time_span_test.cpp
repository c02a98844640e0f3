// SPDX-License-Identifier: MIT
#include "base/time_span.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>

namespace preforkd {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

struct Good {
  const char* text;
  Duration span;
};

class ReadsTimeSpan : public testing::TestWithParam<Good> {};

TEST_P(ReadsTimeSpan, as_systemd_time_writes_it) {
  const Result<Duration> span = parse_time_span(GetParam().text);
  ASSERT_TRUE(span) << GetParam().text << ": " << span.error();
  EXPECT_EQ(*span, GetParam().span) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    TimeSpan, ReadsTimeSpan,
    testing::Values(
        // Every unit and its other names.
        Good{"7us", microseconds(7)}, Good{"7usec", microseconds(7)}, Good{"7µs", microseconds(7)},
        Good{"7μs", microseconds(7)}, Good{"100ms", milliseconds(100)}, Good{"100msec", milliseconds(100)},
        Good{"10s", seconds(10)}, Good{"10sec", seconds(10)}, Good{"1second", seconds(1)},
        Good{"10seconds", seconds(10)}, Good{"5min", minutes(5)}, Good{"5m", minutes(5)}, Good{"1minute", minutes(1)},
        Good{"5minutes", minutes(5)}, Good{"2h", hours(2)}, Good{"2hr", hours(2)}, Good{"1hour", hours(1)},
        Good{"2hours", hours(2)}, Good{"3d", hours(72)}, Good{"1day", hours(24)}, Good{"3days", hours(72)},
        Good{"2w", hours(336)}, Good{"1week", hours(168)}, Good{"2weeks", hours(336)},
        // Several parts, with and without blanks, in any order.
        Good{"1h 30min", minutes(90)}, Good{"1h30min", minutes(90)}, Good{"30min 1h", minutes(90)},
        Good{"1s 1s", seconds(2)}, Good{"  10s\t", seconds(10)}, Good{"10 s", seconds(10)},
        Good{"1 h  30\tmin", minutes(90)},
        // Fractions.
        Good{"1.5s", milliseconds(1500)}, Good{"0.1s", milliseconds(100)}, Good{".5s", milliseconds(500)},
        Good{"1.000001s", microseconds(1000001)}, Good{"0.25min", seconds(15)}, Good{"1.5w", hours(252)},
        Good{"0.10s", milliseconds(100)},
        // The ends of the range.
        Good{"0s", seconds(0)}, Good{"0.0us", seconds(0)}, Good{"000010s", seconds(10)},
        Good{"9223372036854775807us", Duration::max()}, Good{"9223372036854.775807s", Duration::max()}));

struct Bad {
  const char* text;
  const char* reason;
};

class RefusesTimeSpan : public testing::TestWithParam<Bad> {};

TEST_P(RefusesTimeSpan, with_a_reason_that_helps) {
  const Result<Duration> span = parse_time_span(GetParam().text);
  ASSERT_FALSE(span) << GetParam().text << " was read as " << span->count() << " us";
  EXPECT_THAT(span.error(), HasSubstr(GetParam().reason)) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    TimeSpan, RefusesTimeSpan,
    testing::Values(Bad{"", "is empty"}, Bad{" \t", "is empty"}, Bad{"30", "30 has no unit; write 30s, 30ms"},
                    Bad{"0", "has no unit"}, Bad{"1h 30", "30 has no unit"}, Bad{"1.5", "1.5 has no unit; write 1.5s"},
                    Bad{"-5s", "must not be negative"}, Bad{"1h -5s", "must not be negative"},
                    Bad{"1h-5s", "must not be negative"}, Bad{"+5s", "must not have a sign"}, Bad{"s", "has no number"},
                    Bad{"off", "off has no number"}, Bad{"infinity", "has no number"}, Bad{".s", "no digit after"},
                    Bad{"1.s", "no digit after"}, Bad{"1..5s", "no digit after"}, Bad{"1.5.5s", "1.5 has no unit"},
                    Bad{"1,5s", ", is no unit"},
                    Bad{"5S", "S is no unit of time; the units are us, ms, s, min, h, d, w"},
                    Bad{"5 parsecs", "parsecs is no unit"}, Bad{"1e3s", "e is no unit"}, Bad{"0x10s", "x is no unit"},
                    Bad{"5s;", "s; is no unit"}, Bad{"1y", "y is no unit"},
                    Bad{"1.5us", "1.5us is finer than a microsecond"}, Bad{"0.0001ms", "finer than a microsecond"},
                    Bad{"0.0000001s", "more than six digits"}, Bad{"9223372036854775808us", "too long"},
                    Bad{"9223372036854775807us 1us", "too long"}, Bad{"18446744073709551615us", "too long"},
                    Bad{"18446744073709551616us", "too large"}, Bad{"99999999999999999999999999s", "too large"},
                    Bad{"15250285w", "too long"}, Bad{"9223372036854.775808s", "too long"},
                    Bad{"5\ns", "\\ns is no unit"}));

TEST(TimeSpan, a_nul_byte_is_no_end_of_text) {
  using std::string_view_literals::operator""sv;
  const Result<Duration> span = parse_time_span("5s\0"sv);
  ASSERT_FALSE(span);
  EXPECT_THAT(span.error(), HasSubstr("s\\x00 is no unit"));
}

TEST(TimeSpan, a_long_text_of_junk_gives_a_short_reason) {
  const Result<Duration> span = parse_time_span(std::string(1 << 20, 'x'));
  ASSERT_FALSE(span);
  EXPECT_LT(span.error().size(), 400U);
}

TEST(TimeSpan, is_written_as_a_person_reads_it) {
  EXPECT_EQ(format_time_span(seconds(0)), "0s");
  EXPECT_EQ(format_time_span(minutes(90)), "1h 30min");
  EXPECT_EQ(format_time_span(milliseconds(100)), "100ms");
  EXPECT_EQ(format_time_span(milliseconds(1500)), "1.5s");
  EXPECT_EQ(format_time_span(microseconds(1500)), "1.5ms");
  EXPECT_EQ(format_time_span(microseconds(7)), "7us");
  EXPECT_EQ(format_time_span(microseconds(60000001)), "1min 1us");
  EXPECT_EQ(format_time_span(microseconds(1000001)), "1.000001s");
  EXPECT_EQ(format_time_span(hours(24 * 7 + 24)), "1w 1d");
  EXPECT_EQ(format_time_span(seconds(-90)), "-1min 30s");
  EXPECT_EQ(format_time_span(Duration::max()), "15250284w 3d 4h 54.775807s");
  EXPECT_EQ(format_time_span(Duration::min()), "-15250284w 3d 4h 54.775808s");
}

TEST(TimeSpan, what_is_written_reads_back_the_same) {
  std::mt19937_64 random(20260101);
  std::uniform_int_distribution<int> bits(0, 62);
  for (int i = 0; i < 20000; ++i) {
    const Duration span(static_cast<std::int64_t>(random() >> static_cast<unsigned>(63 - bits(random)) >> 1U));
    const std::string text = format_time_span(span);
    const Result<Duration> back = parse_time_span(text);
    ASSERT_TRUE(back) << text << ": " << back.error();
    ASSERT_EQ(*back, span) << text;
  }
}

}  // namespace
}  // namespace preforkd
