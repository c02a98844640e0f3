// SPDX-License-Identifier: MIT
#include "worker/base/guarded.hpp"

#include <string>

#include "base/escape.hpp"
#include "worker/base/log.hpp"
#include "worker/base/log_throttle.hpp"

namespace prefork::internal {

void log_callback_failure(const char* name, const std::exception* error) noexcept {
  // A single client can make a handler throw again and again.
  thread_local LogThrottle throttle(std::chrono::seconds(1));
  const auto left_out = throttle.pass(std::chrono::steady_clock::now());
  if (!left_out) return;
  try {
    const std::string what = error != nullptr ? preforkd::escape_bytes(error->what()) : "no std::exception";
    const std::string others = *left_out > 0 ? " (and " + std::to_string(*left_out) + " more before)" : "";
    log_line(LogLevel::error, {"callback failed: ", name, ": ", what, others});
  } catch (const std::exception&) {
    log_line(LogLevel::error, {"callback failed: ", name});
  }
}

}  // namespace prefork::internal
