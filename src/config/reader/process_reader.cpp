// SPDX-License-Identifier: MIT
#include "config/reader/process_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/byte_size.hpp"
#include "config/reader/limits_reader.hpp"
#include "config/values/access_text.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_path_bytes = 4095;  // PATH_MAX less its NUL
constexpr std::size_t max_writable_paths = 64;

void read_directory(ConfigReader& config, std::string& out) {
  if (!config.read_string("directory", out, max_path_bytes)) return;
  struct stat status {};
  if (!out.starts_with('/')) {
    config.refuse("directory", "must be an absolute path");
  } else if (stat(out.c_str(), &status) != 0 ||
             (S_ISDIR(status.st_mode) && faccessat(AT_FDCWD, out.c_str(), X_OK, AT_EACCESS) != 0)) {
    config.refuse("directory", access_text(errno));
    config.blame_outside();
  } else if (!S_ISDIR(status.st_mode)) {
    config.refuse("directory", "is not a directory");
    config.blame_outside();
  }
}

// A path that can be in a line of a unit unchanged, and that systemd accepts.
bool fits_a_unit(const std::string& path) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  return path.starts_with('/') && std::none_of(path.begin(), path.end(), is_control) &&
         (path + '/').find("/../") == std::string::npos;
}

// EROFS is not an error of the config: the sandbox is still that of the running unit.
std::optional<std::string> why_not_writable(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return access_text(errno);
  const int wanted = S_ISDIR(status.st_mode) ? W_OK | X_OK : W_OK;
  if (faccessat(AT_FDCWD, path.c_str(), wanted, AT_EACCESS) == 0 || errno == EROFS) return std::nullopt;
  return access_text(errno);
}

void read_writable(ConfigReader& config, std::vector<std::string>& out) {
  if (!config.read_strings("writable", out, max_writable_paths, "[\"/srv/my-server/data\"]")) return;
  const Json& list = *config.find("writable");
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::string below = '[' + std::to_string(i) + ']';
    if (!fits_a_unit(out[i])) {
      config.refuse_below("writable", below, list[i], "must be an absolute path without \"..\" and control characters");
      continue;
    }
    out[i] = (std::filesystem::path(out[i]) / "").lexically_normal().parent_path();
    if (auto reason = why_not_writable(out[i])) {
      config.refuse_below("writable", below, list[i], std::move(*reason));
      config.blame_outside();
    }
  }
}

void read_cpu_affinity(ConfigReader& config, CpuAffinity& out) {
  const Json* const value = config.find("cpu_affinity");
  if (value == nullptr || *value == "off") return;
  if (*value == "spread") {
    out.spread = true;
    return;
  }
  if (!value->is_string() && !value->is_number_unsigned()) {
    config.refuse("cpu_affinity", "must be \"off\", \"spread\", or a list of CPUs such as \"0-3,6\"");
    return;
  }
  auto cpus = parse_cpu_list(value->is_string() ? value->get<std::string>() : value->dump());
  if (cpus) {
    out.cpus = std::move(*cpus);
  } else {
    config.refuse("cpu_affinity", cpus.error().text);
    config.blame_outside();
  }
}

void read_group_limits(ConfigReader& config, std::vector<GroupLimit>& out) {
  constexpr std::uint64_t min_memory = 1024 * 1024;
  constexpr unsigned max_cpu_percent = 1'000'000;
  constexpr std::uint64_t max_pids = 4'194'304;  // the kernel has no more
  const auto& [max, high, weight, share, pids] = named_group_limits;
  std::optional<std::uint64_t> most;
  for (const NamedGroupLimit& memory : {max, high}) {
    std::optional<std::uint64_t> bytes;
    if (!config.read_size_or_off(memory.key, bytes, min_memory) || !bytes) continue;
    if (most && *bytes > *most)
      config.refuse(memory.key, "must be at most memory_max (" + format_byte_size(*most) + ')');
    most = bytes;
    out.push_back({memory, std::to_string(*bytes), format_byte_size(*bytes)});
  }
  std::uint64_t number = 0;
  if (config.read_number(weight.key, number, {1, 10'000}))
    out.push_back({weight, std::to_string(number), std::to_string(number)});
  double fraction = 0;
  if (!config.is_off(share.key) && config.read_percent(share.key, fraction, {1, max_cpu_percent})) {
    constexpr long period_us = 100'000;
    out.push_back({share, std::to_string(std::lround(fraction * period_us)) + ' ' + std::to_string(period_us),
                   config.find(share.key)->get<std::string>()});
  }
  if (!config.is_off(pids.key) && config.read_number(pids.key, number, {1, max_pids}))
    out.push_back({pids, std::to_string(number), std::to_string(number)});
}

}  // namespace

void read_process(ConfigReader& config, PoolConfig& out) {
  ProcessConfig& process = out.process;
  read_directory(config, out.directory);
  read_writable(config, out.writable);
  config.read_mode("umask", process.umask, "\"0027\"");
  int nice = 0;
  if (config.read_number("nice", nice, {-20, 19})) process.nice = nice;
  read_limits(config, process.limits);
  read_cpu_affinity(config, process.cpu_affinity);
  read_group_limits(config, out.group_limits);
}

}  // namespace preforkd
