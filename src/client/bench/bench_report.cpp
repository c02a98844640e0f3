// SPDX-License-Identifier: MIT
#include "client/bench/bench_report.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace preforkd::client {
namespace {

using Json = nlohmann::ordered_json;

double seconds(nanoseconds span) { return std::chrono::duration<double>(span).count(); }
double microseconds(std::uint64_t nanoseconds_count) { return static_cast<double>(nanoseconds_count) / 1000; }

double per_second(const BenchResult& result) {
  return result.elapsed.count() <= 0 ? 0 : static_cast<double>(result.times.count()) / seconds(result.elapsed);
}

double cpu_per_request(const BenchResult& result) {
  return static_cast<double>(result.cpu->count()) / 1000 /
         static_cast<double>(std::max<std::uint64_t>(result.times.count(), 1));
}

const char* name_of(BenchOptions::Mode mode) {
  switch (mode) {
    case BenchOptions::Mode::steady:
      return "steady";
    case BenchOptions::Mode::churn:
      return "churn";
    case BenchOptions::Mode::open:
      return "open";
  }
  return "unknown";
}

template <class... Values>
void append(std::string& text, const char* format, Values... values) {
  char line[512];
  std::snprintf(line, sizeof line, format, values...);
  text += line;
}

void append_failures(std::string& text, const BenchResult& result) {
  const FailureLog& failures = result.failures;
  append(text, "failures   %llu, requests lost %llu\n", static_cast<unsigned long long>(failures.count()),
         static_cast<unsigned long long>(failures.requests_lost()));
  for (std::size_t i = 0; i < failure_kinds; ++i) {
    const auto kind = static_cast<FailureKind>(i);
    if (failures.count(kind) == 0) continue;
    append(text, "  %-16s %llu\n", std::string(to_string(kind)).c_str(),
           static_cast<unsigned long long>(failures.count(kind)));
  }
  for (const ConnectionFailure& failure : failures.first()) {
    append(text, "  at %.6fs connection %u: %s (%s), requests lost %llu\n", seconds(failure.when - result.began),
           failure.connection, std::string(to_string(failure.kind)).c_str(), failure.reason.c_str(),
           static_cast<unsigned long long>(failure.requests_lost));
  }
  if (failures.count() > failures.first().size()) text += "  …\n";
}

// A service closes the connection at a line that is too long for it, and cannot say why.
bool may_be_too_long(const BenchResult& result) {
  return result.times.count() == 0 && result.failures.count(FailureKind::closed_early) > 0;
}

Json failures_json(const BenchResult& result) {
  Json counts = Json::object();
  for (std::size_t i = 0; i < failure_kinds; ++i) {
    const auto kind = static_cast<FailureKind>(i);
    counts[std::string(to_string(kind))] = result.failures.count(kind);
  }
  Json first = Json::array();
  for (const ConnectionFailure& failure : result.failures.first()) {
    first.push_back({{"seconds", seconds(failure.when - result.began)},
                     {"monotonic_ns", failure.when.count()},
                     {"connection", failure.connection},
                     {"kind", to_string(failure.kind)},
                     {"reason", failure.reason},
                     {"requests_lost", failure.requests_lost}});
  }
  return {{"count", result.failures.count()},
          {"requests_lost", result.failures.requests_lost()},
          {"by_kind", std::move(counts)},
          {"first", std::move(first)}};
}

}  // namespace

std::string report_text(const BenchOptions& options, const BenchResult& result) {
  const Histogram& times = result.times;
  std::string text;
  append(text, "%s, %s: %u connections, depth %zu, size %zu\n", options.address.c_str(), name_of(options.mode),
         options.connections, options.depth, options.size);
  append(text, "requests   %llu in %.3fs, %.0f/s\n", static_cast<unsigned long long>(times.count()),
         seconds(result.elapsed), per_second(result));
  append(text, "latency    p50 %.1fus  p99 %.1fus  p99.9 %.1fus  max %.1fus\n", microseconds(times.percentile(50)),
         microseconds(times.percentile(99)), microseconds(times.percentile(99.9)), microseconds(times.max()));
  append(text, "connects   %llu, open at the end %u\n", static_cast<unsigned long long>(result.connects),
         result.open_at_end);
  if (result.cpu) append(text, "server cpu %.3fs, %.3fus a request\n", seconds(*result.cpu), cpu_per_request(result));
  append_failures(text, result);
  if (may_be_too_long(result)) {
    append(text, "  no line of %zu bytes was answered: does the service's max_message allow that many?\n",
           options.size);
  }
  return text;
}

std::string report_json(const BenchOptions& options, const BenchResult& result) {
  const Histogram& times = result.times;
  Json report = {
      {"address", options.address},
      {"mode", name_of(options.mode)},
      {"connections", options.connections},
      {"depth", options.depth},
      {"size", options.size},
      {"began_monotonic_ns", result.began.count()},
      {"seconds", seconds(result.elapsed)},
      {"requests", times.count()},
      {"requests_per_second", per_second(result)},
      {"latency_us",
       {{"min", microseconds(times.min())},
        {"mean", times.mean() / 1000},
        {"p50", microseconds(times.percentile(50))},
        {"p99", microseconds(times.percentile(99))},
        {"p99.9", microseconds(times.percentile(99.9))},
        {"max", microseconds(times.max())}}},
      {"connects", result.connects},
      {"open_at_end", result.open_at_end},
      {"failures", failures_json(result)},
  };
  if (result.cpu) report["cpu"] = {{"seconds", seconds(*result.cpu)}, {"us_per_request", cpu_per_request(result)}};
  return report.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace preforkd::client
