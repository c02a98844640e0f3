// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/errors.hpp"
#include "base/time_span.hpp"
#include "client/base/clock.hpp"
#include "client/bench/failure_log.hpp"
#include "client/bench/histogram.hpp"

namespace preforkd::client {

struct BenchOptions {
  enum class Mode : std::uint8_t {
    steady,  // connections stay open, each with up to `depth` requests in flight
    churn,   // a new connection for each request; its time counts from the connect
    open,    // each connection sends one request and is then held open, idle, until the end
  };

  std::string address;
  Mode mode = Mode::steady;
  std::uint32_t connections = 1;
  std::size_t depth = 1;
  std::size_t size = 64;             // bytes of a request's line, without newline
  std::optional<Duration> duration;  // from the first request on (open: from the last reply on)
  std::uint64_t requests = 0;        // end after this many; 0: no limit
  double rate =
      0;  // requests per second, evenly spread; the time of a late one counts from when it was due; 0: at once
  Duration connect_timeout{};
  Duration reply_timeout{};
  std::size_t failures_kept = 20;  // reported one by one; all are counted
  std::vector<pid_t> cpu_of;       // processes whose processor time is measured
};

struct BenchResult {
  explicit BenchResult(std::size_t failures_kept) : failures(failures_kept) {}

  nanoseconds began{};         // monotonic, of the first request
  nanoseconds elapsed{};       // until the last reply
  std::uint64_t connects = 0;  // established connections
  std::uint32_t open_at_end = 0;
  Histogram times;  // of each complete and correct reply, in nanoseconds
  FailureLog failures;
  std::optional<nanoseconds> cpu;  // used by cpu_of in `elapsed`
};

// Runs one benchmark on this thread, until its end, a SIGINT or a SIGTERM (a second one: without waiting for replies).
// After a failure it connects again, except in mode open, and continues; it ends early only if no connection could be
// established at the beginning. In mode open calls `holding` once, with the number of idle connections, when all are
// established. Fails and throws as choose_address(); also throws std::system_error if this
// process lacks a resource, such as descriptors.
[[nodiscard]] Result<BenchResult> run_bench(const BenchOptions& options,
                                            const std::function<void(std::uint32_t)>& holding);

}  // namespace preforkd::client
