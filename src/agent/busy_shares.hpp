// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "pools/bus/pool_snapshot.hpp"

namespace preforkd::agent {

// How busy the workers of pools have been, from what their counters say at one question and at the next.
class BusyShares {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // In percent of the time of the ready workers since an earlier question, which is a second old at least. 0 at the
  // first one.
  [[nodiscard]] unsigned share(const std::string& name, const PoolSnapshot& pool, Time now);

 private:
  struct Look {
    Time at{};
    std::uint64_t busy_us = 0;
    unsigned share = 0;  // since the look before
  };
  std::map<std::string, Look> last_;  // by pool
};

}  // namespace preforkd::agent
