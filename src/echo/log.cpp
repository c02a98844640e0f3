// SPDX-License-Identifier: MIT
#include "echo/log.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace preforkd::echo {
namespace {

std::string prefix_of(const prefork::WorkerIdentity& worker) {
  struct stat status {};
  if (fstat(STDERR_FILENO, &status) == 0 && S_ISSOCK(status.st_mode)) return {};
  if (worker.pool.empty()) return "prefork-echo: ";
  return worker.pool + "[" + std::to_string(worker.slot) + "]: ";
}

// A pipe that polls writable takes PIPE_BUF bytes at once, and no line is longer. O_NONBLOCK would affect every process
// that shares the pipe or the terminal.
bool takes_a_line() {
  pollfd waiting{STDERR_FILENO, POLLOUT, 0};
  return poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLOUT) != 0;
}

}  // namespace

Log::Log(const prefork::WorkerIdentity& worker) : prefix_(prefix_of(worker)) {}

void Log::line(std::initializer_list<std::string_view> parts) {
  line_ = prefix_;
  for (const std::string_view part : parts) line_ += part;
  line_ += '\n';
  if (!takes_a_line()) return;
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line_.data(), line_.size());
}

}  // namespace preforkd::echo
