// SPDX-License-Identifier: MIT
#include "config/values/environment_variable.hpp"

#include <algorithm>

#include "wire/worker_env.hpp"

namespace preforkd {
namespace {

bool may_begin_environment_name(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace

bool is_environment_name(std::string_view name) noexcept {
  if (name.empty() || !may_begin_environment_name(name.front())) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return may_begin_environment_name(c) || (c >= '0' && c <= '9'); });
}

std::optional<std::string> why_unsettable(std::string_view name, std::string_view value) {
  if (!is_environment_name(name)) return "is not a valid name of an environment variable; use letters, digits and '_'";
  if (worker_env::is_contract_variable(name)) return "is set by preforkd for each worker";
  if (value.find('\0') != std::string_view::npos) return "must not contain a NUL byte";
  if (name.size() + 1 + value.size() > max_exec_string_bytes) {
    return "is longer than " + std::to_string(max_exec_string_bytes) + " bytes, the limit";
  }
  return std::nullopt;
}

}  // namespace preforkd
