// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/connection/limit_values.hpp"

namespace prefork::internal {

// The pool's "settings" as given to this worker (PREFORK_SETTINGS): the library's own keys, which are those of Limits,
// and the application's. No function throws for errors in the settings: they are collected, so that the user sees all
// of them at once.
class Settings {
 public:
  // `json`: one JSON object; an empty text is the empty object.
  explicit Settings(std::string_view json = {});
  Settings(Settings&& other) noexcept;
  Settings& operator=(Settings&& other) noexcept;
  ~Settings();

  // The value of an application's key, or `fallback` if it is absent or, as a problem, of another type. Each call makes
  // the key known.
  [[nodiscard]] bool boolean(std::string_view key, bool fallback);
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t fallback,
                                     std::int64_t min = std::numeric_limits<std::int64_t>::min(),
                                     std::int64_t max = std::numeric_limits<std::int64_t>::max());
  [[nodiscard]] std::uint64_t unsigned_integer(std::string_view key, std::uint64_t fallback, std::uint64_t max);
  [[nodiscard]] double number(std::string_view key, double fallback);
  [[nodiscard]] std::string string(std::string_view key, std::string_view fallback);
  [[nodiscard]] std::uint64_t byte_size(std::string_view key, std::uint64_t fallback);
  [[nodiscard]] std::vector<std::string> strings(std::string_view key, const std::vector<std::string>& fallback);
  // From 0 to `max`; nullopt instead of a fallback.
  [[nodiscard]] std::optional<std::chrono::microseconds> time_span(std::string_view key, std::chrono::microseconds max);
  // Any value as JSON text; nullopt if the key is absent.
  [[nodiscard]] std::optional<std::string> json(std::string_view key);

  // `programs` overridden by the library's keys. An invalid value is a problem and changes nothing. A value of the
  // program itself that the settings would not allow is a problem, too.
  [[nodiscard]] LimitValues limits(const LimitValues& programs);
  // The same for a named service: its keys are those of Limits that are not limits of the worker, in the object
  // "settings": {NAME: {…}}. A service with the name of a limit has no such object.
  [[nodiscard]] LimitValues service_limits(std::string_view service, const LimitValues& programs);

  // Everything that is wrong, one line each without the newline. Includes unknown keys, so call it after all reading:
  //   settings.max_message: "64": 64 has no unit; write 64B, 64K, …
  //   settings.max_mesage: unknown key; did you mean "max_message"?
  //   settings.admin.drain_idle: is a limit of the worker; set settings.drain_idle
  [[nodiscard]] std::vector<std::string> problems() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prefork::internal
