// SPDX-License-Identifier: MIT
#include "support/pseudo_terminal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/errors.hpp"
#include "base/pidfd.hpp"
#include "support/proc.hpp"

namespace preforkd::component {
namespace {

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> all;
  for (std::string& string : strings) all.push_back(string.data());
  all.push_back(nullptr);
  return all;
}

constexpr char end_mark = '\0';

void type_into(int fd, std::string_view keys) {
  if (::write(fd, keys.data(), keys.size()) != static_cast<ssize_t>(keys.size())) {
    throw HarnessError("cannot type: " + errno_text(errno));
  }
}

}  // namespace

PseudoTerminal::PseudoTerminal(const std::string& program, const std::vector<std::string>& arguments,
                               const std::vector<std::pair<std::string, std::string>>& environment) {
  int ends[2];
  const winsize size{.ws_row = 30, .ws_col = 120, .ws_xpixel = 0, .ws_ypixel = 0};
  if (::openpty(&ends[0], &ends[1], nullptr, nullptr, &size) != 0) {
    throw HarnessError("openpty failed: " + errno_text(errno));
  }
  terminal_.reset(ends[0]);
  other_end_.reset(ends[1]);
  for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);

  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables;  // of two with the same name the first counts
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  variables.insert(variables.end(), {"TERM=xterm", "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"});
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> envp = pointers(variables);
  // Made before the fork: the child may make only async-signal-safe calls, because our reader threads may hold locks.
  pid_ = ::fork();
  if (pid_ == 0) {
    ::setsid();
    ::ioctl(ends[1], TIOCSCTTY, 0);
    for (int fd = 0; fd < 3; ++fd) ::dup2(ends[1], fd);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  if (pid_ < 0) throw HarnessError("fork failed: " + errno_text(errno));
  pidfd_ = open_pidfd(pid_);
}

PseudoTerminal::~PseudoTerminal() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void PseudoTerminal::type(std::string_view keys) const { type_into(terminal_.get(), keys); }

void PseudoTerminal::signal(int number) const { ::kill(pid_, number); }

bool PseudoTerminal::read_some(const Deadline& deadline) {
  if (text_ended_) return false;
  std::array<pollfd, 2> entries{{{terminal_.get(), POLLIN, 0}, {end_marked_ ? -1 : pidfd_.get(), POLLIN, 0}}};
  if (::poll(entries.data(), entries.size(), deadline.poll_timeout()) <= 0) throw HarnessError("too late:\n" + text_);
  // The kernel passes on what was written at one end to the other after a delay, but in order: when the program has
  // ended, a byte of ours comes after its last one.
  if (entries[1].revents != 0 && !std::exchange(end_marked_, true)) type_into(other_end_.get(), {&end_mark, 1});
  if (entries[0].revents == 0) return true;
  std::array<char, 4096> buffer{};
  const ssize_t size = ::read(terminal_.get(), buffer.data(), buffer.size());
  if (size <= 0) return false;
  text_.append(buffer.data(), static_cast<std::size_t>(size));
  if (!end_marked_ || text_.back() != end_mark) return true;
  text_.pop_back();
  text_ended_ = true;
  return false;
}

std::string PseudoTerminal::wait_for(std::string_view part, const Deadline& deadline) {
  std::size_t at = 0;
  while ((at = text_.find(part, seen_)) == std::string::npos) {
    if (!read_some(deadline)) throw HarnessError("it ended without \"" + std::string(part) + "\":\n" + text_);
  }
  const std::size_t begin = std::exchange(seen_, at + part.size());
  return text_.substr(begin, seen_ - begin);
}

Exit PseudoTerminal::wait_exit(const Deadline& deadline) {
  while (read_some(deadline)) {
  }
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  Exit exit;
  if (WIFEXITED(status)) exit.status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) exit.signal = WTERMSIG(status);
  return exit;
}

termios PseudoTerminal::settings() const {
  termios settings{};
  if (::tcgetattr(other_end_.get(), &settings) != 0) throw HarnessError("tcgetattr failed: " + errno_text(errno));
  return settings;
}

}  // namespace preforkd::component
