// SPDX-License-Identifier: MIT
#include "master/bus/wall_times.hpp"

#include <utility>

namespace preforkd {
namespace {

// Two clocks cannot be read at once; and ntpd slews the wall clock by up to 0.05 %, which is not a step.
constexpr Duration tolerance = std::chrono::milliseconds(20);

Duration offset_of(const Clock& clock, const std::function<WallTimes::Wall()>& wall) {
  return wall().time_since_epoch() - clock.now().time_since_epoch();
}

}  // namespace

WallTimes::WallTimes(const Clock& clock, std::function<Wall()> wall)
    : clock_(clock), wall_(std::move(wall)), offset_(offset_of(clock_, wall_)) {}

std::uint64_t WallTimes::of(Instant moment) {
  const Duration now = offset_of(clock_, wall_);
  if (std::chrono::abs(now - offset_) > tolerance) offset_ = now;
  return static_cast<std::uint64_t>((moment.time_since_epoch() + offset_).count());
}

}  // namespace preforkd
