// SPDX-License-Identifier: MIT
#include "echo/options.hpp"

#include <getopt.h>

namespace preforkd::echo {
namespace {

constexpr char help[] =
    "Usage: prefork-echo [--listen ADDRESS]...\n"
    "Replies to each line with \"received: LINE\". After the line \"quit\" it closes the connection.\n"
    "\n"
    "Listening sockets come from preforkd, systemd or systemd-socket-activate. Otherwise give at least one:\n"
    "  --listen ADDRESS  127.0.0.1:9505, [::1]:9505, /run/echo.sock or @abstract\n"
    "  --help            print this help and exit\n"
    "  --version         print the version and exit\n"
    "\n"
    "Keys in \"settings\" of the pool, in addition to those of libprefork:\n"
    "  log_connections   log each connect, and each close with its reason (true)\n"
    "  log_messages      log each message (false)\n"
    "\n"
    "Exit status: 0 drained, 1 failure, 64 command line, 69 no socket, 71 a system call failed, 78 settings.\n";

enum Option : int { option_listen = 1, option_help, option_version };

constexpr option long_options[] = {
    {"listen", required_argument, nullptr, option_listen},
    {"help", no_argument, nullptr, option_help},
    {"version", no_argument, nullptr, option_version},
    {nullptr, 0, nullptr, 0},
};

// The option that getopt_long() has just rejected, as written, and why. optopt is 0 for an unknown long option, else
// the option's code.
std::string refused(char* const* argv) {
  if (optopt > option_version) return std::string{'-', static_cast<char>(optopt)} + ": no such option";
  return std::string(argv[optind - 1]) + (optopt == 0 ? ": no such option" : ": takes no value");
}

}  // namespace

Options parse_options(int argc, char* const* argv) {
  Options options;
  optind = 0;
  opterr = 0;
  for (int found; (found = getopt_long(argc, argv, "+:", long_options, nullptr)) != -1;) {
    switch (found) {
      case option_listen:
        options.listen.emplace_back(optarg);
        break;
      case option_help:
        options.print = help;
        return options;
      case option_version:
        options.print = "prefork-echo " PREFORKD_VERSION "\n";
        return options;
      case ':':
        throw UsageError(std::string(argv[optind - 1]) + ": needs an address");
      default:
        throw UsageError(refused(argv));
    }
  }
  if (optind < argc) throw UsageError(std::string(argv[optind]) + ": no arguments are taken");
  return options;
}

}  // namespace preforkd::echo
