// SPDX-License-Identifier: MIT
#include "torture/victim.hpp"

#include <signal.h>

#include <filesystem>
#include <sstream>

#include "base/pidfd.hpp"
#include "support/binaries.hpp"
#include "support/deadline.hpp"
#include "support/proc.hpp"

namespace preforkd::torture {
namespace {

using component::eventually;
using component::HarnessError;
using nlohmann::json;

// Short delays, so that the torture often hits each of them. The drain's deadline is far above any connection's life.
json make_config(const std::string& address, const json& settings) {
  return {{"listen", {address}},
          {"program", {component::binaries::worker("prefork_does_as_told")}},
          {"workers", {{"min", 1}, {"max", 6}, {"initial", Victim::workers_at_rest}}},
          {"start_timeout", "20s"},
          {"drain_timeout", "60s"},
          {"hang_timeout", "10s"},
          {"restart", {{"delay", "20ms"}, {"max_delay", "300ms"}, {"forget_after", "500ms"}}},
          {"settings", settings}};
}

}  // namespace

Victim::Victim(const std::string& address, const json& settings) : at_rest_(make_config(address, settings)) {}

void Victim::signal(int number) const {
  const pid_t pid = master();
  if (pid > 0) ::kill(pid, number);
}

UniqueFd Victim::open_worker(pid_t worker) const {
  UniqueFd pidfd = open_pidfd(worker);
  if (!is_worker(worker)) pidfd.reset();
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
  json config = at_rest_;
  config["workers"]["min"] = config["workers"]["max"] =
      workers_at_rest;  // otherwise it keeps a size that signals have set
  write(config);
  // A master may have been killed as the last act, and the signal with it.
  const bool reloaded = eventually([&] {
    const std::size_t mark = log().size();
    signal(SIGHUP);
    return eventually([&] { return log().find("reload done", mark) != std::string::npos; },
                      std::chrono::milliseconds(5000));
  });
  if (!reloaded) problems.emplace_back("a reload of the good config does not succeed in the end");
  const std::string full = std::to_string(workers_at_rest) + "/" + std::to_string(workers_at_rest) + " workers ready";
  const bool strong = eventually([&] {
    const std::size_t before = log().size();
    signal(SIGUSR1);
    return eventually([&] { return log().find(full, before) != std::string::npos; }, std::chrono::milliseconds(1000));
  });
  if (!strong) problems.emplace_back("the pool does not come back to " + full);
  return problems;
}

std::vector<std::string> Victim::leaks() const {
  std::vector<std::string> problems;
  if (!eventually([&] { return workers().size() == workers_at_rest; }))
    problems.push_back(std::to_string(workers().size()) + " worker processes, not " + std::to_string(workers_at_rest));
  if (std::filesystem::exists(second_address())) problems.push_back(second_address() + " was not removed");
  return problems;
}

}  // namespace preforkd::torture
