// SPDX-License-Identifier: MIT
#pragma once

#include <prefork/limits.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace prefork::internal {

// The pool's "settings" as this worker was given them (PREFORK_SETTINGS): the library's own keys, which are those of
// Limits, and the application's. Nothing here throws for what the settings say: what is wrong with them is collected,
// so that a person sees all of it at once.
class Settings {
 public:
  // `json`: one JSON object; an empty text is the empty object.
  explicit Settings(std::string_view json = {});
  Settings(Settings&& other) noexcept;
  Settings& operator=(Settings&& other) noexcept;
  ~Settings();

  // The value of an application's key, or `fallback` if it is absent or of another type, which is a problem. Each makes
  // the key known.
  [[nodiscard]] bool boolean(std::string_view key, bool fallback);
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t fallback);
  [[nodiscard]] std::string string(std::string_view key, std::string_view fallback);

  // `limits` with the library's keys put over it. A value that is wrong is a problem and changes nothing, and so is one
  // that the program itself has set to what the settings would not allow.
  [[nodiscard]] Limits limits(const Limits& limits);

  // Everything that is wrong, one line each without a line's end. Keys that nobody knows are included, so it is to be
  // called after all reading:
  //   settings.max_message: "64": 64 has no unit; write 64B, 64K, …
  //   settings.max_mesage: unknown key; did you mean "max_message"?
  [[nodiscard]] std::vector<std::string> problems() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prefork::internal
