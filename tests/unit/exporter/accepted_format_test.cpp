// SPDX-License-Identifier: MIT
#include "exporter/accepted_format.hpp"

#include <gtest/gtest.h>

namespace preforkd::exporter {
namespace {

constexpr auto open = MetricsFormat::open_metrics;
constexpr auto text = MetricsFormat::prometheus;

TEST(AcceptedFormat, is_open_metrics_for_prometheus) {
  EXPECT_EQ(accepted_format("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q="
                            "0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            open)
      << "Prometheus 2.42";
  EXPECT_EQ(accepted_format("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/"
                            "openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
            open)
      << "Prometheus 3";
}

TEST(AcceptedFormat, is_text_for_clients_that_do_not_name_open_metrics) {
  for (const char* const accept : {"", "*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "text/plain",
                                   "application/openmetrics-text-2", "application/json", ",;,q=", "text/plain;q"}) {
    EXPECT_EQ(accepted_format(accept), text) << accept;
  }
}

TEST(AcceptedFormat, follows_the_qualities) {
  EXPECT_EQ(accepted_format("application/openmetrics-text;q=0.4,text/plain;q=0.5"), text);
  EXPECT_EQ(accepted_format("text/plain;q=0.5, application/openmetrics-text ; q=0.6"), open);
  EXPECT_EQ(accepted_format("application/openmetrics-text;q=0"), text) << "q=0 means not acceptable";
  EXPECT_EQ(accepted_format("Application/OpenMetrics-Text; Version=1.0.0; Q=1, text/plain"), open);
}

TEST(AcceptedFormat, another_version_is_another_format) {
  EXPECT_EQ(accepted_format("application/openmetrics-text;version=2.0.0"), text);
  EXPECT_EQ(accepted_format("application/openmetrics-text;version=0.0.1"), text);
}

}  // namespace
}  // namespace preforkd::exporter
