// SPDX-License-Identifier: MIT
#include "config/values/cpu_count.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/control_group.hpp"
#include "base/process_facts.hpp"
#include "config/values/cpu_affinity.hpp"

namespace preforkd {
namespace {

// A number > 0; "max", -1 and anything that is not a number mean no limit.
std::optional<double> positive(std::string_view text) {
  long long number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc{} || number <= 0) return std::nullopt;
  return static_cast<double>(number);
}

std::optional<double> ratio(std::string_view quota, std::string_view period) {
  const auto above = positive(quota);
  const auto below = positive(period);
  if (!above || !below) return std::nullopt;
  return *above / *below;
}

std::optional<double> quota_of_group(const std::string& folder, bool unified) {
  if (!unified)
    return ratio(read_kernel_file(folder + "/cpu.cfs_quota_us"), read_kernel_file(folder + "/cpu.cfs_period_us"));
  const std::string both = read_kernel_file(folder + "/cpu.max");  // "QUOTA PERIOD"
  const std::size_t blank = both.find(' ');
  if (blank == std::string::npos) return std::nullopt;
  return ratio(std::string_view(both).substr(0, blank), std::string_view(both).substr(blank + 1));
}

std::optional<double> lesser(std::optional<double> left, std::optional<double> right) {
  if (!left) return right;
  if (!right) return left;
  return std::min(*left, *right);
}

// A quota also limits the groups below it, so each group up to the root of the mount counts.
std::optional<double> quota_upwards(const ControlGroup& where) {
  std::string group = where.group;
  std::optional<double> quota;
  for (;;) {
    quota = lesser(quota, quota_of_group(where.mount + group, where.unified()));
    const std::size_t slash = group.rfind('/');
    if (slash == std::string::npos) return quota;
    group.resize(slash);
  }
}

}  // namespace

std::optional<double> cpu_quota(std::string_view membership, const std::string& mount) {
  std::optional<double> quota;
  for (const ControlGroup& each : parse_control_groups(membership, mount)) {
    if (each.unified() || each.controls("cpu")) quota = lesser(quota, quota_upwards(each));
  }
  return quota;
}

unsigned available_cpus() {
  const auto allowed = static_cast<unsigned>(allowed_cpus().size());
  const auto quota = cpu_quota(own_control_groups(), control_group_mount);
  if (!quota || *quota >= allowed) return allowed;
  return std::max(1U, static_cast<unsigned>(std::ceil(*quota)));
}

}  // namespace preforkd
