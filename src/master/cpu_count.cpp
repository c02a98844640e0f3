// SPDX-License-Identifier: MIT
#include "master/cpu_count.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>

#include "master/cpu_affinity.hpp"

namespace preforkd {
namespace {

std::string read_proc(const std::string& path) {
  // These files have no size that could be asked for and are never FIFOs.
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A number > 0; "max", -1 and what is no number at all mean that there is no limit.
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
  if (!unified) return ratio(read_proc(folder + "/cpu.cfs_quota_us"), read_proc(folder + "/cpu.cfs_period_us"));
  const std::string both = read_proc(folder + "/cpu.max");  // "QUOTA PERIOD"
  const std::size_t blank = both.find(' ');
  if (blank == std::string::npos) return std::nullopt;
  return ratio(std::string_view(both).substr(0, blank), std::string_view(both).substr(blank + 1));
}

std::optional<double> lesser(std::optional<double> left, std::optional<double> right) {
  if (!left) return right;
  if (!right) return left;
  return std::min(*left, *right);
}

// A quota above limits what is below it, so each group up to the root of the mount has its say.
std::optional<double> quota_upwards(const std::string& mount, std::string group, bool unified) {
  // In a control group namespace a group outside of it shows as "/../…": nothing of it can be seen here but the root.
  if (group.find("/..") != std::string::npos) group.clear();
  std::optional<double> least;
  for (;;) {
    least = lesser(least, quota_of_group(mount + group, unified));
    const std::size_t slash = group.rfind('/');
    if (slash == std::string::npos) return least;
    group.resize(slash);
  }
}

bool names_cpu(std::string_view controllers) {
  for (std::size_t begin = 0; begin <= controllers.size();) {
    const std::size_t end = std::min(controllers.find(',', begin), controllers.size());
    if (controllers.substr(begin, end - begin) == "cpu") return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

std::optional<double> cpu_quota(std::string_view membership, const std::string& mount) {
  std::optional<double> least;
  while (!membership.empty()) {
    const std::size_t end = std::min(membership.find('\n'), membership.size());
    const std::string_view line = membership.substr(0, end);
    membership.remove_prefix(std::min(end + 1, membership.size()));
    const std::size_t first = line.find(':');  // "ID:CONTROLLERS:GROUP"
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    std::string group(line.substr(second + 1));
    if (group == "/") group.clear();
    if (controllers.empty()) {
      least = lesser(least, quota_upwards(mount, group, true));
    } else if (names_cpu(controllers)) {
      least = lesser(least, quota_upwards(mount + '/' + std::string(controllers), group, false));
    }
  }
  return least;
}

unsigned available_cpus() {
  const auto allowed = static_cast<unsigned>(allowed_cpus().size());
  const auto quota = cpu_quota(read_proc("/proc/self/cgroup"), "/sys/fs/cgroup");
  if (!quota || *quota >= allowed) return allowed;
  return std::max(1U, static_cast<unsigned>(std::ceil(*quota)));
}

}  // namespace preforkd
