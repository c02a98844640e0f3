// SPDX-License-Identifier: MIT
#include "master/process/own_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cinttypes>
#include <cstdio>

#include "base/unique_fd.hpp"

namespace preforkd {

std::optional<std::uint64_t> own_memory(pid_t pid) noexcept {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/statm", pid);
  const UniqueFd file(open(path.data(), O_RDONLY | O_CLOEXEC));
  std::array<char, 256> text{};
  if (!file || read(file.get(), text.data(), text.size() - 1) <= 0) return std::nullopt;
  std::uint64_t resident = 0;
  std::uint64_t shared = 0;
  if (std::sscanf(text.data(), "%*u %" SCNu64 " %" SCNu64, &resident, &shared) != 2 || shared > resident) {
    return std::nullopt;
  }
  return (resident - shared) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace preforkd
