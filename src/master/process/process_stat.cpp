// SPDX-License-Identifier: MIT
#include "master/process/process_stat.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <sstream>

#include "base/unique_fd.hpp"

namespace preforkd {

// "PID (NAME) STATE PPID PGRP SESSION …", where NAME may contain anything; the start time is the 22nd field.
std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  constexpr int after_session = 22 - 6 - 1;
  const std::size_t begin = text.find('(');
  const std::size_t end = text.rfind(')');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return std::nullopt;
  ProcessStat stat;
  stat.name = text.substr(begin + 1, end - begin - 1);
  std::istringstream rest{std::string(text.substr(end + 1))};
  std::string other;
  rest >> stat.state >> other >> other >> stat.session;
  for (int i = 0; i < after_session; ++i) rest >> other;
  if (!(rest >> stat.started)) return std::nullopt;
  return stat;
}

std::optional<ProcessStat> process_stat(pid_t pid) {
  const UniqueFd file(open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> text{};
  const ssize_t size = file ? read(file.get(), text.data(), text.size()) : -1;
  return size > 0 ? parse_process_stat({text.data(), static_cast<std::size_t>(size)}) : std::nullopt;
}

}  // namespace preforkd
