// SPDX-License-Identifier: MIT
#include "support/master.hpp"

#include <signal.h>

#include <regex>

#include "support/binaries.hpp"
#include "support/proc.hpp"

namespace preforkd::component {
namespace {

std::vector<std::string> command_line(const std::vector<std::string>& program, const Master::Options& options) {
  std::vector<std::string> arguments{"--name", "test",      "--log-level",
                                     "debug",  "--workers", std::to_string(options.workers)};
  if (!options.listen.empty()) arguments.insert(arguments.end(), {"--listen", options.listen});
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  arguments.emplace_back("--");
  arguments.insert(arguments.end(), program.begin(), program.end());
  return arguments;
}

}  // namespace

Master::Master(const std::vector<std::string>& program, const Options& options)
    : workers_(options.workers), process_(binaries::preforkd, command_line(program, options), options.start) {}

void Master::wait_ready(const Deadline& deadline) const {
  const std::string count = std::to_string(workers_);
  log().wait_for(count + "/" + count + " workers ready", 0, deadline);
}

const std::string& Master::address() const {
  if (address_.empty()) {
    static const std::regex pattern("listening on ([^ ]+)");
    std::string line;
    address_ = log().wait_for(pattern, line)[1];
  }
  return address_;
}

Exit Master::stop() {
  signal(SIGTERM);
  return process_.wait_exit();
}

std::vector<pid_t> Master::workers() const { return children_of(pid()); }

pid_t Master::worker(unsigned slot, std::size_t from, const Deadline& deadline) const {
  const std::regex pattern("worker " + std::to_string(slot) + " \\(pid (\\d+), generation \\d+\\) is ready");
  std::string line;
  return std::stoi(log().wait_for(pattern, line, from, deadline)[1]);
}

Master::Options with_workers(unsigned workers, std::vector<std::string> arguments) {
  Master::Options options;
  options.workers = workers;
  options.arguments = std::move(arguments);
  return options;
}

}  // namespace preforkd::component
