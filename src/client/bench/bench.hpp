// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time_span.hpp"
#include "client/base/clock.hpp"
#include "client/bench/failure_log.hpp"
#include "client/bench/histogram.hpp"

namespace preforkd::client {

struct BenchOptions {
  enum class Mode : std::uint8_t {
    steady,  // connections stay, each with up to `depth` requests in flight
    churn,   // a new connection for each request; its time counts from the connect
    open,    // each connection asks once and is then held open, idle, until the end
  };

  std::string address;
  Mode mode = Mode::steady;
  std::uint32_t connections = 1;
  std::size_t depth = 1;
  std::size_t size = 64;             // bytes of a request's line, without newline
  std::optional<Duration> duration;  // from the first request on (open: from the last reply on)
  std::uint64_t requests = 0;        // end after so many; 0: no such limit
  double rate = 0;  // requests a second, evenly spread; a late one's time counts from when it was due; 0: at once
  Duration connect_timeout{};
  Duration reply_timeout{};
  std::size_t failures_kept = 20;  // told one by one; all are counted
  std::vector<pid_t> cpu_of;       // whose processor time is measured
};

struct BenchResult {
  explicit BenchResult(std::size_t failures_kept) : failures(failures_kept) {}

  nanoseconds began{};         // monotonic, of the first request
  nanoseconds elapsed{};       // until the last reply
  std::uint64_t connects = 0;  // connections that stood
  std::uint32_t open_at_end = 0;
  Histogram times;  // of each complete and right reply, in nanoseconds
  FailureLog failures;
  std::optional<nanoseconds> cpu;  // used by cpu_of in `elapsed`
};

// Runs one benchmark on this thread, until its end, a SIGINT or a SIGTERM (a second one: without waiting for replies).
// After a failure the connection is made again, except in mode open, and the run goes on; it ends early only if none of
// the connections could be made at its beginning. `holding` is called once in mode open, with the number of idle
// connections, when all are in place. Throws std::system_error if this process lacks a resource, such as descriptors,
// and what choose_address() throws.
[[nodiscard]] BenchResult run_bench(const BenchOptions& options, const std::function<void(std::uint32_t)>& holding);

}  // namespace preforkd::client
