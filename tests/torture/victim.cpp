// SPDX-License-Identifier: MIT
#include "torture/victim.hpp"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <regex>
#include <sstream>

#include "base/pidfd.hpp"
#include "base/unique_fd.hpp"
#include "support/binaries.hpp"
#include "support/proc.hpp"

namespace preforkd::torture {
namespace {

using component::eventually;
using component::HarnessError;
using nlohmann::json;

// Short delays, so that the torture often hits each of them. The drain's deadline is far above any connection's life.
json make_config(const json& settings) {
  return {{"listen", {"127.0.0.1:0"}},
          {"program", {component::binaries::worker("prefork_does_as_told")}},
          {"workers", {{"min", 1}, {"max", 6}, {"initial", Victim::workers_at_rest}}},
          {"start_timeout", "20s"},
          {"drain_timeout", "60s"},
          {"hang_timeout", "10s"},
          {"restart", {{"delay", "20ms"}, {"max_delay", "300ms"}, {"forget_after", "500ms"}}},
          {"settings", settings}};
}

}  // namespace

Victim::Victim(const json& settings)
    : at_rest_(make_config(settings)),
      process_(component::binaries::preforkd, {"--config", folder_.write("torture.json", at_rest_.dump(2))}) {
  const std::string count = std::to_string(workers_at_rest);
  process_.err().wait_for(count + "/" + count + " workers ready");
  descriptors_at_rest_ = component::resting_descriptors_of(process_.pid()).size();
}

std::string Victim::address() const {
  static const std::regex pattern("listening on (127[^ ]+)");
  std::string line;
  return process_.err().wait_for(pattern, line)[1];
}

std::vector<pid_t> Victim::workers() const { return component::children_of(process_.pid()); }

UniqueFd Victim::open_worker(pid_t worker) const {
  UniqueFd pidfd = open_pidfd(worker);
  if (component::status_field(worker, "PPid") != std::to_string(process_.pid())) pidfd.reset();
  return pidfd;
}

bool Victim::signal_worker(pid_t worker, int number) const {
  const UniqueFd pidfd = open_worker(worker);
  return pidfd && send_signal(pidfd.get(), number) == 0;
}

bool Victim::kill_worker(pid_t worker) const {
  const UniqueFd pidfd = open_worker(worker);
  if (!pidfd || send_signal(pidfd.get(), SIGKILL) != 0) return false;
  if (!component::wait_gone(pidfd.get())) throw HarnessError("a worker does not die of SIGKILL");
  return true;
}

std::size_t Victim::logged(std::string_view part) const {
  std::istringstream lines(log());
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) count += line.find(part) != std::string::npos ? 1 : 0;
  return count;
}

std::vector<std::string> Victim::come_to_rest() {
  std::vector<std::string> problems;
  try {
    const std::size_t mark = process_.err().size();
    json config = at_rest_;
    config["workers"]["min"] = config["workers"]["max"] =
        workers_at_rest;  // otherwise it keeps a size that signals have set
    write(config);
    signal(SIGHUP);
    process_.err().wait_for("reload done", mark);
  } catch (const HarnessError&) {
    problems.emplace_back("a reload of the good config does not succeed in the end");
  }
  const std::string full = std::to_string(workers_at_rest) + "/" + std::to_string(workers_at_rest) + " workers ready";
  const bool strong = eventually([&] {
    const std::size_t mark = process_.err().size();
    signal(SIGUSR1);
    return process_.err().wait_for("pool \"torture\": ", mark).find(full) != std::string::npos;
  });
  if (!strong) problems.emplace_back("the pool does not come back to " + full);
  return problems;
}

std::vector<std::string> Victim::leaks() const {
  std::vector<std::string> problems;
  if (!eventually([&] { return workers().size() == workers_at_rest; })) {
    problems.push_back(std::to_string(workers().size()) + " worker processes, not " + std::to_string(workers_at_rest));
  }
  const auto descriptors = [&] { return component::descriptors_of(process_.pid()).size(); };
  if (!eventually([&] { return descriptors() == descriptors_at_rest_; })) {
    problems.push_back("the master has " + std::to_string(descriptors()) + " descriptors, at the beginning it had " +
                       std::to_string(descriptors_at_rest_));
  }
  if (std::filesystem::exists(second_address())) problems.push_back(second_address() + " was not removed");
  return problems;
}

std::vector<std::string> Victim::end() {
  std::vector<std::string> problems;
  const std::vector<pid_t> last = workers();
  signal(SIGTERM);
  try {
    const component::Exit exit = process_.wait_exit();
    if (exit.status != 0) {
      problems.push_back("the master ends with " + (exit.status ? "exit status " + std::to_string(*exit.status)
                                                                : "signal " + std::to_string(exit.signal.value_or(0))));
    }
  } catch (const HarnessError&) {
    problems.emplace_back("the master does not end after SIGTERM");
  }
  for (const pid_t worker : last) {
    if (!component::status_field(worker, "PPid").empty())
      problems.push_back("worker " + std::to_string(worker) + " is left over");
  }
  return problems;
}

}  // namespace preforkd::torture
