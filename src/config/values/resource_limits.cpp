// SPDX-License-Identifier: MIT
#include "config/values/resource_limits.hpp"

namespace preforkd {

std::string_view limit_name(int resource) noexcept {
  for (const NamedLimit& each : named_limits) {
    if (each.resource == resource) return each.name;
  }
  return "limit";
}

}  // namespace preforkd
