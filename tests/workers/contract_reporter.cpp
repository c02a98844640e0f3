// SPDX-License-Identifier: MIT
// Usage: contract_reporter FOLDER [ARGUMENT...]. Writes what it was started with as one JSON object to FOLDER/SLOT.PID,
// then serves.
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <vector>

#include "plain_worker.hpp"

extern char** environ;

namespace {

std::string quoted(const std::string& text) {
  std::ostringstream json;
  json << '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') json << '\\';
    if (static_cast<unsigned char>(c) >= 0x20) {
      json << c;
    } else {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
      json << escape.data();
    }
  }
  json << '"';
  return json.str();
}

template <class List>
std::string array_of(const List& list) {
  std::string json;
  for (const std::string& each : list) json += (json.empty() ? "" : ",") + quoted(each);
  return "[" + json + "]";
}

std::string target_of(int fd) {
  std::array<char, 256> target{};
  const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target.data(), target.size());
  return size < 0 ? "" : std::string(target.data(), static_cast<std::size_t>(size));
}

int option_of(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

// One object for each open descriptor, except the one that lists them.
std::string descriptors() {
  std::string json;
  DIR* folder = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(folder)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd == ::dirfd(folder)) continue;
    json += (json.empty() ? "" : ",") + std::string("{\"fd\":") + std::to_string(fd) +
            ",\"target\":" + quoted(target_of(fd)) + ",\"type\":" + std::to_string(option_of(fd, SO_TYPE)) +
            ",\"listens\":" + std::to_string(option_of(fd, SO_ACCEPTCONN)) +
            ",\"blocks\":" + ((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0 ? "true" : "false") + "}";
  }
  ::closedir(folder);
  return "[" + json + "]";
}

struct Signals {
  std::string blocked;
  std::string not_default;
};

Signals signals() {
  Signals found;
  sigset_t mask;
  ::sigprocmask(SIG_BLOCK, nullptr, &mask);
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    struct sigaction action {};
    if (::sigismember(&mask, signal) == 1) found.blocked += (found.blocked.empty() ? "" : ",") + std::to_string(signal);
    const bool known = ::sigaction(signal, nullptr, &action) == 0;
    if (known && action.sa_handler != SIG_DFL)
      found.not_default += (found.not_default.empty() ? "" : ",") + std::to_string(signal);
  }
  return found;
}

int death_signal() {
  int signal = 0;
  ::prctl(PR_GET_PDEATHSIG, &signal);
  return signal;
}

std::vector<std::string> environment_strings() {
  std::vector<std::string> strings;
  for (char** each = environ; *each != nullptr; ++each) strings.emplace_back(*each);
  return strings;
}

// {"7":[soft,hard],…} by RLIMIT_ number; -1: no limit.
std::string limits() {
  std::string json;
  for (int resource = 0; resource < static_cast<int>(RLIM_NLIMITS); ++resource) {
    rlimit limit{};
    ::prlimit(0, static_cast<__rlimit_resource>(resource), nullptr, &limit);
    const auto shown = [](rlim_t value) { return value == RLIM_INFINITY ? "-1" : std::to_string(value); };
    json += (json.empty() ? "\"" : ",\"") + std::to_string(resource) + "\":[" + shown(limit.rlim_cur) + "," +
            shown(limit.rlim_max) + "]";
  }
  return "{" + json + "}";
}

std::string cpus() {
  cpu_set_t mask;
  ::sched_getaffinity(0, sizeof mask, &mask);
  std::string json;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &mask)) json += (json.empty() ? "" : ",") + std::to_string(cpu);
  }
  return "[" + json + "]";
}

std::string report(int argc, char** argv) {
  const Signals found = signals();
  std::array<char, 4096> directory{};
  const mode_t mask = ::umask(0);
  ::umask(mask);
  std::ostringstream json;
  json << "{\"pid\":" << ::getpid() << ",\"descriptors\":" << descriptors()
       << ",\"environment\":" << array_of(environment_strings())
       << ",\"arguments\":" << array_of(std::vector<std::string>(argv, argv + argc)) << ",\"blocked\":["
       << found.blocked << "],\"not_default\":[" << found.not_default << "],\"death_signal\":" << death_signal()
       << ",\"directory\":" << quoted(::getcwd(directory.data(), directory.size()) != nullptr ? directory.data() : "")
       << ",\"umask\":" << mask << ",\"nice\":" << ::getpriority(PRIO_PROCESS, 0) << ",\"limits\":" << limits()
       << ",\"cpus\":" << cpus() << ",\"session\":" << ::getsid(0) << "}";
  return json.str();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  const std::string text = report(argc, argv);
  std::ofstream file(std::string(argv[1]) + "/" + plain_worker::environment("PREFORK_WORKER") + "." +
                     std::to_string(::getpid()));
  file << text << std::endl;
  file.close();
  plain_worker::notify("READY=1");
  plain_worker::serve();
}
