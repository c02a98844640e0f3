// SPDX-License-Identifier: MIT
#include "worker/base/guarded.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/escape.hpp"
#include "worker/base/log.hpp"
#include "worker/base/log_throttle.hpp"

namespace prefork::internal {

void log_callback_failure(const char* name, const std::exception* error) noexcept {
  try {
    // A single client can make a handler throw again and again. Each name has its own limit, so that this does not hide
    // that on_worker_stop failed.
    thread_local std::map<std::string, LogThrottle, std::less<>> throttles;
    auto throttle = throttles.find(std::string_view(name));
    if (throttle == throttles.end()) throttle = throttles.emplace(name, std::chrono::seconds(1)).first;
    const auto left_out = throttle->second.pass(std::chrono::steady_clock::now());
    if (!left_out) return;
    const std::string what = error != nullptr ? preforkd::escape_bytes(error->what()) : "no std::exception";
    const std::string others = *left_out > 0 ? " (and " + std::to_string(*left_out) + " more before)" : "";
    log_line(LogLevel::error, {"callback failed: ", name, ": ", what, others});
  } catch (const std::exception&) {
    log_line(LogLevel::error, {"callback failed: ", name});
  }
}

}  // namespace prefork::internal
