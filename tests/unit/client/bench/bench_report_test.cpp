// SPDX-License-Identifier: MIT
#include "client/bench/bench_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace preforkd::client {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

class BenchReportTest : public ::testing::Test {
 protected:
  BenchReportTest() : result_(1) {
    options_.address = "127.0.0.1:9505";
    options_.connections = 2;
    result_.began = 10s;
    result_.elapsed = 2s;
    result_.connects = 3;
    result_.cpu = 1ms;
    for (int i = 0; i < 1000; ++i) result_.times.record(100'000);
    result_.failures.add({10s + 500ms, 1, FailureKind::reset, 4, "Connection reset by peer"});
    result_.failures.add({11s, 0, FailureKind::reply_timeout, 1, "no reply within 5s"});
  }

  BenchOptions options_;
  BenchResult result_;
};

TEST_F(BenchReportTest, reads_well) {
  const std::string text = report_text(options_, result_);
  EXPECT_THAT(text, HasSubstr("requests   1000 in 2.000s, 500/s\n"));
  EXPECT_THAT(text, HasSubstr("p50 100.0us  p99 100.0us  p99.9 100.0us  max 100.0us"));
  EXPECT_THAT(text, HasSubstr("1.000us a request"));
  EXPECT_THAT(text, HasSubstr("failures   2, requests lost 5\n"));
  EXPECT_THAT(text, HasSubstr("at 0.500000s connection 1: reset (Connection reset by peer), requests lost 4\n  …\n"));
}

TEST_F(BenchReportTest, is_as_complete_in_json) {
  const auto json = nlohmann::json::parse(report_json(options_, result_));
  EXPECT_EQ(json["mode"], "steady");
  EXPECT_EQ(json["requests"], 1000);
  EXPECT_EQ(json["requests_per_second"], 500.0);
  EXPECT_EQ(json["latency_us"]["p99.9"], 100.0);
  EXPECT_EQ(json["cpu"]["us_per_request"], 1.0);
  EXPECT_EQ(json["failures"]["count"], 2);
  EXPECT_EQ(json["failures"]["by_kind"].size(), failure_kinds);
  EXPECT_EQ(json["failures"]["by_kind"]["reply-timeout"], 1);
  EXPECT_EQ(json["failures"]["by_kind"]["wrong-reply"], 0);
  EXPECT_EQ(json["failures"]["first"].size(), 1u);
  EXPECT_EQ(json["failures"]["first"][0]["seconds"], 0.5);
  EXPECT_EQ(json["failures"]["first"][0]["monotonic_ns"], 10'500'000'000);
}

TEST_F(BenchReportTest, asks_for_max_message_where_no_line_was_answered) {
  const std::string question =
      "no line of 100000 bytes was answered: does the service's max_message allow that many?\n";
  options_.size = 100'000;
  result_.failures.add({12s, 0, FailureKind::closed_early, 1, "end of file"});
  EXPECT_THAT(report_text(options_, result_), Not(HasSubstr(question)));
  result_.times = Histogram();
  EXPECT_THAT(report_text(options_, result_), HasSubstr(question));
}

TEST_F(BenchReportTest, measures_no_cpu_that_nobody_asked_for) {
  result_.cpu.reset();
  EXPECT_FALSE(nlohmann::json::parse(report_json(options_, result_)).contains("cpu"));
}

}  // namespace
}  // namespace preforkd::client
