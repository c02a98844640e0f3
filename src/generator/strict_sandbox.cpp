// SPDX-License-Identifier: MIT
#include "generator/strict_sandbox.hpp"

#include <array>
#include <string>
#include <utility>

namespace preforkd {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 13> settings = {{
    {"PrivateNetwork", "yes"},
    {"IPAddressDeny", "any"},
    {"PrivateUsers", "yes"},
    {"ProcSubset", "pid"},
    // Empty: what the template allows is taken back.
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

// The folder of an absolute path, in quotes; empty if there is none, or if it is the whole file system.
std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (!path.starts_with('/') || slash == 0) return "";
  std::string quoted = "\"-";
  for (const char c : path.substr(0, slash)) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

// Whether the master sets something for its workers that only the calls of @resources can.
bool sets_resources(const ProcessConfig& process) {
  return process.nice || !process.limits.empty() || process.cpu_affinity.spread || !process.cpu_affinity.cpus.empty();
}

}  // namespace

void add_strict_sandbox(UnitText& unit, const PoolConfig& pool) {
  for (const auto& [key, value] : settings) unit.set(key, value);
  unit.set("SystemCallFilter", sets_resources(pool.process) ? "~@privileged" : "~@privileged @resources");
  if (pool.program.empty()) return;
  if (const std::string folder = folder_of(pool.program.front()); !folder.empty()) unit.set("ExecPaths", folder);
}

}  // namespace preforkd
