// SPDX-License-Identifier: MIT
#include "worker/connection/own_close_reasons.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "base/escape.hpp"

namespace prefork::internal {
namespace {

// Constant-initialised: it is there before and after everything else.
constinit OwnCloseReasons process_reasons;

[[nodiscard]] std::string in_words(std::string_view name) {
  return "close reason \"" + preforkd::escape_bytes(name) + "\": ";
}

}  // namespace

OwnCloseReasons& OwnCloseReasons::of_process() noexcept { return process_reasons; }

CloseReason OwnCloseReasons::add(std::string_view name) {
  if (!preforkd::is_close_reason_name(name)) {
    throw std::invalid_argument(in_words(name) + "a name is a letter from a to z and up to 39 of a-z, 0-9 and -");
  }
  const std::lock_guard lock(adding_);
  if (const auto known = find(name)) return *known;
  const std::size_t index = size();
  if (index == capacity) {
    throw std::length_error(in_words(name) + "there are " + std::to_string(capacity) + " already");
  }
  std::copy(name.begin(), name.end(), names_.at(index).begin());
  size_.store(index + 1, std::memory_order_release);
  return static_cast<CloseReason>(first_value + index);
}

std::optional<CloseReason> OwnCloseReasons::find(std::string_view name) const noexcept {
  const auto& given = preforkd::close_reason_names;
  const auto* const found = std::find(given.begin(), given.end(), name);
  if (found != given.end()) return static_cast<CloseReason>(found - given.begin());
  for (std::size_t index = 0; index < size(); ++index) {
    if (this->name(index) == name) return static_cast<CloseReason>(first_value + index);
  }
  return std::nullopt;
}

std::optional<std::size_t> OwnCloseReasons::index_of(CloseReason reason) const noexcept {
  const auto value = static_cast<std::size_t>(reason);
  if (value < first_value || value - first_value >= size()) return std::nullopt;
  return value - first_value;
}

std::string_view OwnCloseReasons::name(std::size_t index) const noexcept {
  const auto& text = names_.at(index);
  const auto* const end = std::find(text.begin(), text.end(), '\0');
  return {text.data(), static_cast<std::size_t>(end - text.begin())};
}

}  // namespace prefork::internal
