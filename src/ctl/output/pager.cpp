// SPDX-License-Identifier: MIT
#include "ctl/output/pager.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "ctl/output/pager_choice.hpp"
#include "ctl/output/printable.hpp"
#include "ctl/output/terminal.hpp"

namespace preforkd::ctl {
namespace {

// Ctrl-C in a pager belongs to the pager, and its user may leave before the end.
class IgnoredSignals {
 public:
  IgnoredSignals() : interrupt_(::signal(SIGINT, SIG_IGN)), pipe_(::signal(SIGPIPE, SIG_IGN)) {}
  IgnoredSignals(const IgnoredSignals&) = delete;
  IgnoredSignals& operator=(const IgnoredSignals&) = delete;
  ~IgnoredSignals() {
    ::signal(SIGINT, interrupt_);
    ::signal(SIGPIPE, pipe_);
  }

 private:
  sighandler_t interrupt_;
  sighandler_t pipe_;
};

// less leaves by itself where the text fits, keeps it on the screen, shows colours and ends with Ctrl-C.
void set_defaults_of_less(PagerTrust trust) {
  const char* const options = std::getenv("SYSTEMD_LESS");
  ::setenv("LESS", options != nullptr ? options : "FRSXMK", 1);
  const char* const charset = std::getenv("SYSTEMD_LESSCHARSET");
  if (charset != nullptr || utf8_terminal()) ::setenv("LESSCHARSET", charset != nullptr ? charset : "utf-8", 0);
  if (trust != PagerTrust::full) ::setenv("LESSSECURE", "1", 1);
}

// -1 if it cannot be executed.
pid_t start(const std::vector<std::string>& command, int input) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawnattr_init(&attributes);
  sigset_t restored;
  ::sigemptyset(&restored);
  ::sigaddset(&restored, SIGINT);
  ::sigaddset(&restored, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &restored);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? pid : -1;
}

}  // namespace

bool page(const std::string& text) {
  const IgnoredSignals ignored;
  const PagerTrust trust = pager_trust();
  for (const std::vector<std::string>& command : pager_commands(trust)) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    set_defaults_of_less(trust);
    const pid_t pager = start(command, reader.get());
    if (pager < 0) continue;
    write_all(writer.get(), text);
    writer.reset();
    while (::waitpid(pager, nullptr, 0) < 0 && errno == EINTR) {
    }
    return true;
  }
  return false;
}

}  // namespace preforkd::ctl
