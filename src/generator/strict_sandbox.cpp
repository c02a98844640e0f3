// SPDX-License-Identifier: MIT
#include "generator/strict_sandbox.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "config/values/program_path.hpp"

namespace preforkd {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<const char*, const char*>, 13> settings = {{
    {"PrivateNetwork", "yes"},
    {"IPAddressDeny", "any"},
    {"PrivateUsers", "yes"},
    {"ProcSubset", "pid"},
    // Empty: resets what the template allows.
    {"RestrictAddressFamilies", ""},
    {"RestrictAddressFamilies", "AF_UNIX"},
    {"MemoryDenyWriteExecute", "yes"},
    {"RemoveIPC", "yes"},
    {"SystemCallFilter", ""},
    {"SystemCallFilter", "@system-service"},
    {"NoExecPaths", "/"},
    {"ExecPaths", PREFORKD_BINDIR "/preforkd " PREFORKD_BINDIR "/preforkctl"},
    {"ExecPaths", "-/usr/lib -/lib -/lib64"},
}};

// The folders of the program and of a script's interpreter, and of the targets of symbolic links; not the root folder.
std::set<fs::path> folders_of(const std::string& program) {
  std::vector<fs::path> files = {program};
  if (const auto script_for = interpreter(program)) files.emplace_back(*script_for);
  std::set<fs::path> folders;
  for (const fs::path& file : files) {
    std::error_code absent;
    for (const fs::path& path : {file, fs::canonical(file, absent)}) {
      if (path.is_absolute() && path.parent_path() != "/") folders.insert(path.parent_path());
    }
  }
  return folders;
}

bool is_writable(const fs::path& folder, const std::vector<std::string>& writable) {
  const std::string below = folder.native() + '/';
  return std::any_of(writable.begin(), writable.end(),
                     [&](const std::string& path) { return below.starts_with(path == "/" ? path : path + '/'); });
}

// Whether the master sets something for its workers that needs the calls of @resources.
bool sets_resources(const ProcessConfig& process) {
  return process.nice || !process.limits.empty() || process.cpu_affinity.spread || !process.cpu_affinity.cpus.empty();
}

}  // namespace

void add_strict_sandbox(UnitText& unit, const PoolConfig& pool) {
  for (const auto& [key, value] : settings) unit.set(key, value);
  unit.set("SystemCallFilter", sets_resources(pool.process) ? "~@privileged" : "~@privileged @resources");
  if (pool.program.empty()) return;
  const std::set<fs::path> folders = folders_of(pool.program.front());
  for (const fs::path& folder : folders) {
    const std::string path = UnitText::optional_path(folder.native());
    unit.set("ExecPaths", path);
    // Otherwise systemd leaves it writable for its owner, whatever ProtectSystem= says; ReadOnlyPaths= would undo
    // ExecPaths=.
    if (!is_writable(folder, pool.writable)) unit.set("BindReadOnlyPaths", path);
  }
  for (const std::string& path : pool.writable) {
    if (!folders.contains(path)) unit.set("NoExecPaths", UnitText::optional_path(path));
  }
}

}  // namespace preforkd
