// SPDX-License-Identifier: MIT
#include "config/values/resource_limits.hpp"

namespace preforkd {
namespace {

std::string bound_text(rlim_t limit) { return limit == RLIM_INFINITY ? "infinity" : std::to_string(limit); }

}  // namespace

std::string to_string(const ResourceLimit& limit) { return bound_text(limit.soft) + ':' + bound_text(limit.hard); }

std::string_view limit_name(int resource) noexcept {
  for (const NamedLimit& each : named_limits) {
    if (each.resource == resource) return each.name;
  }
  return "limit";
}

}  // namespace preforkd
