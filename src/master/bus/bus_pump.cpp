// SPDX-License-Identifier: MIT
#include "master/bus/bus_pump.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/process_facts.hpp"
#include "master/bus/native_bus.hpp"

namespace preforkd {

BusPump::BusPump(EventLoop& loop, sd_bus* bus, std::function<void()> failed)
    : loop_(loop), bus_(bus), failed_(std::move(failed)) {
  timer_ = loop_.add_timer(Priority::bus, Duration::zero(), [this] { process(); });
  after_each_ = loop_.add_after_each([this] { watch(); });  // other callbacks may have sent something
  watch();
}

void BusPump::process() {
  // Processor time, not elapsed time: the callers are not to blame for what other processes use.
  const Duration before = own_cpu_time();
  const int result = sd_bus_process(bus_, nullptr);
  rested_ = SteadyClock().now() + rest * (own_cpu_time() - before);
  if (result < 0) failed_();
}

// sd_bus_flush(3) would wait for the bus without a limit.
void BusPump::flush(Duration at_most) {
  const Instant end = SteadyClock().now() + at_most;
  std::uint64_t unsent = 0;
  while (sd_bus_get_n_queued_write(bus_, &unsent) >= 0 && unsent > 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - SteadyClock().now());
    pollfd waiting{fd_, POLLOUT, 0};
    if (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) != 1) return;
    if (sd_bus_process(bus_, nullptr) < 0) return;
  }
}

void BusPump::watch() {
  const int fd = sd_bus_get_fd(bus_);
  const int events = sd_bus_get_events(bus_);
  std::uint64_t timeout = 0;
  std::uint64_t unsent = 0;
  const bool works = fd >= 0 && events >= 0 && sd_bus_get_timeout(bus_, &timeout) >= 0 &&
                     sd_bus_get_n_queued_write(bus_, &unsent) >= 0;
  if (!works || unsent > max_unsent) return failed_();
  if (std::exchange(fd_, fd) != fd) {
    io_ = loop_.add_io(fd, 0, Priority::bus, [this](std::uint32_t) { process(); });
  }
  const bool rests = SteadyClock().now() < rested_;
  io_.watch(rests ? 0 : static_cast<std::uint32_t>(events));
  constexpr auto furthest = static_cast<std::uint64_t>(std::numeric_limits<Duration::rep>::max());
  const Instant due{Duration(static_cast<Duration::rep>(std::min(timeout, furthest)))};
  if (rests || timeout != UINT64_MAX) {
    timer_.arm(rests ? rested_ : due);
  } else {
    timer_.disarm();
  }
}

}  // namespace preforkd
