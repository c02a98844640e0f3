// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "client/bench/bench.hpp"

namespace preforkd::client {

// The result for people: a few lines, failures by kind, and the first ones one by one.
[[nodiscard]] std::string report_text(const BenchOptions& options, const BenchResult& result);

// The same as one line of JSON. Times of requests are in microseconds; those of failures in seconds since the first
// request, and in nanoseconds of CLOCK_MONOTONIC to compare with a server's log. Every kind of failure is present, even
// if its number is 0.
[[nodiscard]] std::string report_json(const BenchOptions& options, const BenchResult& result);

}  // namespace preforkd::client
