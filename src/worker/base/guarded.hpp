// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <utility>

namespace prefork::internal {

// Logs that the application's callback `name` threw; `error` is nullptr for something that is not a std::exception.
// At most one line per second and name; the next one says how many were left out.
void log_callback_failure(const char* name, const std::exception* error) noexcept;

// Runs one of the application's callbacks. False: it threw, which was logged.
template <class Call>
[[nodiscard]] bool guarded(const char* name, Call&& call) noexcept {
  try {
    std::forward<Call>(call)();
    return true;
  } catch (const std::exception& error) {
    log_callback_failure(name, &error);
  } catch (...) {
    log_callback_failure(name, nullptr);
  }
  return false;
}

}  // namespace prefork::internal
