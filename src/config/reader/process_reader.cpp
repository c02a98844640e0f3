// SPDX-License-Identifier: MIT
#include "config/reader/process_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/errors.hpp"
#include "config/reader/limits_reader.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_path_bytes = 4095;  // PATH_MAX less its NUL

void read_directory(ConfigReader& config, std::string& out) {
  if (!config.read_string("directory", out, max_path_bytes)) return;
  struct stat status {};
  if (!out.starts_with('/')) {
    config.refuse("directory", "must be an absolute path");
  } else if (stat(out.c_str(), &status) != 0 ||
             (S_ISDIR(status.st_mode) && faccessat(AT_FDCWD, out.c_str(), X_OK, AT_EACCESS) != 0)) {
    config.refuse("directory", errno_text(errno));
    config.blame_outside();
  } else if (!S_ISDIR(status.st_mode)) {
    config.refuse("directory", "is not a directory");
    config.blame_outside();
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
    config.refuse("cpu_affinity", cpus.error());
    config.blame_outside();
  }
}

}  // namespace

void read_process(ConfigReader& config, PoolConfig& out) {
  ProcessConfig& process = out.process;
  read_directory(config, out.directory);
  config.read_mode("umask", process.umask, "\"0027\"");
  int nice = 0;
  if (config.read_number("nice", nice, {-20, 19})) process.nice = nice;
  read_limits(config, process.limits);
  read_cpu_affinity(config, process.cpu_affinity);
}

}  // namespace preforkd
