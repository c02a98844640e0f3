// SPDX-License-Identifier: MIT
#include "ctl/output/pager.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <string_view>

#include "base/unique_fd.hpp"
#include "ctl/output/printable.hpp"
#include "ctl/output/terminal.hpp"

namespace preforkd::ctl {
namespace {

std::vector<std::string> words(const char* command) {
  std::istringstream stream(command);
  std::vector<std::string> found;
  for (std::string word; stream >> word;) found.push_back(word);
  return found;
}

bool is_no(std::string_view setting) {
  constexpr auto ways = std::to_array<std::string_view>({"0", "no", "n", "false", "f", "off"});
  return std::find(ways.begin(), ways.end(), setting) != ways.end();
}

// Ctrl-C belongs to the pager, and its user may leave before the end.
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

// less exits by itself if the text fits, keeps it on the screen, shows colours and ends with Ctrl-C.
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

PagerTrust pager_trust(const char* setting, std::optional<uid_t> logged_in, uid_t runs) {
  if (setting != nullptr) return is_no(setting) ? PagerTrust::full : PagerTrust::confined;
  return logged_in == runs ? PagerTrust::full : PagerTrust::none;
}

PagerTrust pager_trust() {
  uid_t owner = 0;
  const bool known = ::sd_pid_get_owner_uid(0, &owner) >= 0;
  return pager_trust(std::getenv("SYSTEMD_PAGERSECURE"), known ? std::optional(owner) : std::nullopt, ::geteuid());
}

std::vector<std::vector<std::string>> pager_commands(PagerTrust trust) {
  const char* chosen = std::getenv("SYSTEMD_PAGER");
  if (chosen == nullptr) chosen = std::getenv("PAGER");
  const std::vector<std::string> command = words(chosen != nullptr ? chosen : "less");
  if (command.empty() || (command.size() == 1 && command.front() == "cat")) return {};
  if (trust == PagerTrust::none) return {{"less"}};
  if (chosen == nullptr && trust == PagerTrust::full) return {command, {"more"}};
  return {command};
}

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
