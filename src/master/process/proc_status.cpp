// SPDX-License-Identifier: MIT
#include "master/process/proc_status.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/unique_fd.hpp"

namespace preforkd {

std::optional<long> proc_status_number(pid_t pid, std::string_view name, unsigned index) noexcept {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/status", pid);
  const UniqueFd file(open(path.data(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> bytes{};
  if (!file || read(file.get(), bytes.data(), bytes.size() - 1) <= 0) return std::nullopt;
  std::string_view text(bytes.data());
  while (!text.starts_with(name) || !text.substr(name.size()).starts_with(':')) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    text.remove_prefix(end + 1);
  }
  const char* rest = text.data() + name.size() + 1;
  for (;; --index) {
    char* end = nullptr;
    const long number = std::strtol(rest, &end, 10);
    if (end == rest) return std::nullopt;
    if (index == 0) return number;
    rest = end;
  }
}

}  // namespace preforkd
