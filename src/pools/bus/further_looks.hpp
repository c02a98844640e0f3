// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <thread>

namespace preforkd {

// For what systemd or the bus will know in a moment and no signal announces: it is looked at again every 100 ms, but
// only so many times after the first.
class FurtherLooks {
 public:
  explicit FurtherLooks(int left) noexcept : left_(left) {}

  // Waits for the next look; false, at once, if there is none.
  [[nodiscard]] bool wait() {
    if (left_ <= 0) return false;
    --left_;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return true;
  }

 private:
  int left_;
};

}  // namespace preforkd
