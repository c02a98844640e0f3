// SPDX-License-Identifier: MIT
#pragma once

#include <prefork/close_reason.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string_view>

#include "wire/stats_page.hpp"

namespace prefork::internal {

// The close reasons that the application names. They belong to the process, not to a server, because
// to_string(CloseReason) knows no server; so none is ever removed. Any thread may use them.
class OwnCloseReasons {
 public:
  static constexpr std::size_t capacity = preforkd::named_counter_slots;

  [[nodiscard]] static OwnCloseReasons& of_process() noexcept;

  // As Server::close_reason().
  [[nodiscard]] CloseReason add(std::string_view name);
  // Its place in StatsPage::own_closes; nullopt if it is not one of these.
  [[nodiscard]] std::optional<std::size_t> index_of(CloseReason reason) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }
  // index < size(). Valid for ever.
  [[nodiscard]] std::string_view name(std::size_t index) const noexcept;

 private:
  // The values below are for the library.
  static constexpr std::size_t first_value = 128;

  [[nodiscard]] std::optional<CloseReason> find(std::string_view name) const noexcept;

  std::mutex adding_;
  std::atomic<std::size_t> size_{0};
  std::array<std::array<char, preforkd::NamedCounter::max_name>, capacity> names_{};  // padded with NUL
};

}  // namespace prefork::internal
