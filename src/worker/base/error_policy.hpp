// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <functional>
#include <utility>

namespace prefork::internal {

// What becomes of an exception in a callback of the application that belongs to no connection: it is logged (one line
// per second) and passed to the application's on_error. What is called, and whether it is called again, is up to the
// caller.
class ErrorPolicy {
 public:
  // Server::on_error; may be empty. Set before the first callback runs.
  std::function<void(std::exception_ptr)> on_error;

  // `name` is what the log line says. An exception of on_error is only logged.
  void report(const char* name, const std::exception_ptr& error) const noexcept;

  // Runs `call` and reports its exception. False: there was one.
  template <class Call>
  bool run(const char* name, Call&& call) const noexcept {
    const std::exception_ptr error = error_of(std::forward<Call>(call));
    if (error != nullptr) report(name, error);
    return error == nullptr;
  }

  // Runs `call`; nullptr if it does not throw.
  template <class Call>
  [[nodiscard]] static std::exception_ptr error_of(Call&& call) noexcept {
    try {
      std::forward<Call>(call)();
      return nullptr;
    } catch (...) {
      return std::current_exception();
    }
  }
};

}  // namespace prefork::internal
