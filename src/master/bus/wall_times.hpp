// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "master/base/instant.hpp"

namespace preforkd {

// Converts times of the monotonic clock to those of the wall clock, as on D-Bus: microseconds since 1970 (UTC). The
// same time gives the same number each time, unless the wall clock was set meanwhile.
class WallTimes {
 public:
  using Wall = std::chrono::sys_time<Duration>;
  explicit WallTimes(
      const Clock& clock,
      std::function<Wall()> wall = [] { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); });

  [[nodiscard]] std::uint64_t of(Instant moment);
  [[nodiscard]] std::uint64_t of(std::optional<Instant> moment) { return moment ? of(*moment) : 0; }  // 0: never

 private:
  const Clock& clock_;
  std::function<Wall()> wall_;
  Duration offset_;  // the wall clock minus the monotonic one
};

}  // namespace preforkd
