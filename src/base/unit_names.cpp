// SPDX-License-Identifier: MIT
#include "base/unit_names.hpp"

#include <algorithm>

namespace preforkd {
namespace {

constexpr std::string_view instance = "preforkd@";
constexpr std::string_view further = "preforkd-";
constexpr std::string_view service_type = ".service";
constexpr std::string_view socket_type = ".socket";

bool take_front(std::string_view& text, std::string_view front) noexcept {
  if (!text.starts_with(front)) return false;
  text.remove_prefix(front.size());
  return true;
}

bool take_end(std::string_view& text, std::string_view end) noexcept {
  if (!text.ends_with(end)) return false;
  text.remove_suffix(end.size());
  return true;
}

std::string instance_of(const std::string& pool, std::string_view type) {
  return std::string(instance).append(pool).append(type);
}

std::string further_socket(const std::string& pool, const std::string& number) {
  return std::string(further).append(pool).append("-").append(number).append(socket_type);
}

}  // namespace

std::string service_unit(const std::string& pool) { return instance_of(pool, service_type); }

std::string first_socket_unit(const std::string& pool) { return instance_of(pool, socket_type); }

std::string further_socket_unit(const std::string& pool, std::size_t number) {
  return further_socket(pool, std::to_string(number));
}

std::vector<std::string> socket_unit_patterns(const std::string& pool) {
  return {first_socket_unit(pool), further_socket(pool, "*")};
}

bool is_socket_unit_of(std::string_view pool, std::string_view unit) noexcept {
  if (!take_end(unit, socket_type)) return false;
  if (take_front(unit, instance)) return unit == pool;
  if (!take_front(unit, further) || !take_front(unit, pool) || !take_front(unit, "-")) return false;
  return !unit.empty() && std::all_of(unit.begin(), unit.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::string_view> pool_of_unit(std::string_view unit) noexcept {
  if (!take_front(unit, instance)) return std::nullopt;
  if (!take_end(unit, service_type)) take_end(unit, socket_type);
  return unit;
}

}  // namespace preforkd
