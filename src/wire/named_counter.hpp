// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace preforkd {

// A counter that the application names, in the memory that a worker and the master share.
struct NamedCounter {
  static constexpr std::size_t max_name = 40;  // bytes

  // Ends at the first NUL, or is max_name bytes long. Only the worker writes it, once.
  std::array<std::atomic<char>, max_name> name;
  std::atomic<std::uint64_t> value;

  // The first byte is written last, so a reader sees all of the name or nothing. The name must fit. Does nothing if the
  // counter has a name.
  void set_name(std::string_view text) noexcept;
  // Empty if the counter is not used. A worker may have written any bytes: check them.
  [[nodiscard]] std::string read_name() const;
};
static_assert(std::atomic<char>::is_always_lock_free);

// Whether an application may give a counter this name: [a-z][a-z0-9_]{0,39}.
[[nodiscard]] bool is_counter_name(std::string_view name) noexcept;
// The same for a close reason: [a-z][a-z0-9-]{0,39}.
[[nodiscard]] bool is_close_reason_name(std::string_view name) noexcept;

}  // namespace preforkd
