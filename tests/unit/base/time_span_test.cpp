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

struct GoodSpan {
  const char* text;
  Duration span;
};

const GoodSpan good_spans[] = {
    // Every unit and its other names.
    {"7us", microseconds(7)},
    {"7usec", microseconds(7)},
    {"7µs", microseconds(7)},
    {"7μs", microseconds(7)},
    {"100ms", milliseconds(100)},
    {"100msec", milliseconds(100)},
    {"10s", seconds(10)},
    {"10sec", seconds(10)},
    {"1second", seconds(1)},
    {"10seconds", seconds(10)},
    {"5min", minutes(5)},
    {"5m", minutes(5)},
    {"1minute", minutes(1)},
    {"5minutes", minutes(5)},
    {"2h", hours(2)},
    {"2hr", hours(2)},
    {"1hour", hours(1)},
    {"2hours", hours(2)},
    {"3d", hours(72)},
    {"1day", hours(24)},
    {"3days", hours(72)},
    {"2w", hours(336)},
    {"1week", hours(168)},
    {"2weeks", hours(336)},
    // Several parts, with and without blanks, in any order.
    {"1h 30min", minutes(90)},
    {"1h30min", minutes(90)},
    {"30min 1h", minutes(90)},
    {"1s 1s", seconds(2)},
    {"  10s\t", seconds(10)},
    {"10 s", seconds(10)},
    {"1 h  30\tmin", minutes(90)},
    // Fractions.
    {"1.5s", milliseconds(1500)},
    {"0.1s", milliseconds(100)},
    {".5s", milliseconds(500)},
    {"1.000001s", microseconds(1000001)},
    {"0.25min", seconds(15)},
    {"1.5w", hours(252)},
    {"0.10s", milliseconds(100)},
    // The ends of the range.
    {"0s", seconds(0)},
    {"0.0us", seconds(0)},
    {"000010s", seconds(10)},
    {"9223372036854775807us", Duration::max()},
    {"9223372036854.775807s", Duration::max()}};

TEST(TimeSpan, spans_are_read_as_systemd_time_writes_them) {
  for (const GoodSpan& each : good_spans) {
    const Result<Duration> span = parse_time_span(each.text);
    ASSERT_TRUE(span) << each.text << ": " << span.error().text;
    EXPECT_EQ(*span, each.span) << each.text;
  }
}

struct BadSpan {
  const char* text;
  const char* reason;
};

const BadSpan bad_spans[] = {{"", "is empty"},
                             {" \t", "is empty"},
                             {"30", "30 has no unit; write 30s, 30ms"},
                             {"0", "has no unit"},
                             {"1h 30", "30 has no unit"},
                             {"1.5", "1.5 has no unit; write 1.5s"},
                             {"-5s", "must not be negative"},
                             {"1h -5s", "must not be negative"},
                             {"1h-5s", "must not be negative"},
                             {"+5s", "must not have a sign"},
                             {"s", "does not begin with a number"},
                             {"off", "off does not begin with a number"},
                             {"infinity", "does not begin with a number"},
                             {".s", "no digit after"},
                             {"1.s", "no digit after"},
                             {"1..5s", "no digit after"},
                             {"1.5.5s", "1.5 has no unit"},
                             {"1,5s", ", is not a unit"},
                             {"5S", "S is not a unit of time; the units are us, ms, s, min, h, d, w"},
                             {"5 parsecs", "parsecs is not a unit"},
                             {"1e3s", "e is not a unit"},
                             {"0x10s", "x is not a unit"},
                             {"5s;", "s; is not a unit"},
                             {"1y", "y is not a unit"},
                             {"1.5us", "1.5us is finer than a microsecond"},
                             {"0.0001ms", "finer than a microsecond"},
                             {"0.0000001s", "more than six digits"},
                             {"9223372036854775808us", "too long"},
                             {"9223372036854775807us 1us", "too long"},
                             {"18446744073709551615us", "too long"},
                             {"18446744073709551616us", "too large"},
                             {"99999999999999999999999999s", "too large"},
                             {"15250285w", "too long"},
                             {"9223372036854.775808s", "too long"},
                             {"5\ns", "\\ns is not a unit"}};

TEST(TimeSpan, what_is_no_span_is_refused_with_a_reason_that_helps) {
  for (const BadSpan& each : bad_spans) {
    const Result<Duration> span = parse_time_span(each.text);
    ASSERT_FALSE(span) << each.text << " was read as " << span->count() << " us";
    EXPECT_THAT(span.error().text, HasSubstr(each.reason)) << each.text;
  }
}

TEST(TimeSpan, a_nul_byte_is_no_end_of_text) {
  using std::string_view_literals::operator""sv;
  const Result<Duration> span = parse_time_span("5s\0"sv);
  ASSERT_FALSE(span);
  EXPECT_THAT(span.error().text, HasSubstr("s\\x00 is not a unit"));
}

TEST(TimeSpan, a_long_text_of_junk_gives_a_short_reason) {
  const Result<Duration> span = parse_time_span(std::string(1 << 20, 'x'));
  ASSERT_FALSE(span);
  EXPECT_LT(span.error().text.size(), 400U);
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
    ASSERT_TRUE(back) << text << ": " << back.error().text;
    ASSERT_EQ(*back, span) << text;
  }
}

}  // namespace
}  // namespace preforkd
