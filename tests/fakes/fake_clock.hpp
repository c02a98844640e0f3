// SPDX-License-Identifier: MIT
#pragma once

#include "master/base/instant.hpp"

namespace preforkd::fakes {

// A clock that the test sets.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const noexcept override { return now_; }
  void advance(Duration by) noexcept { now_ += by; }
  void advance_to(Instant at) noexcept {
    if (at > now_) now_ = at;
  }

 private:
  Instant now_{std::chrono::hours(1)};
};

}  // namespace preforkd::fakes
