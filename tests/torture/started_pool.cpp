// SPDX-License-Identifier: MIT
#include "torture/started_pool.hpp"

#include <signal.h>

#include <regex>

#include "support/binaries.hpp"
#include "support/deadline.hpp"
#include "support/proc.hpp"

namespace preforkd::torture {

using component::HarnessError;

StartedPool::StartedPool(const nlohmann::json& settings)
    : Victim("127.0.0.1:0", settings),
      process_(component::binaries::preforkd, {"--config", folder_.write("torture.json", config_at_rest().dump(2))}) {
  const std::string count = std::to_string(workers_at_rest);
  process_.err().wait_for(count + "/" + count + " workers ready");
  descriptors_at_rest_ = component::resting_descriptors_of(process_.pid()).size();
}

std::string StartedPool::address() const {
  static const std::regex pattern("listening on (127[^ ]+)");
  std::string line;
  return process_.err().wait_for(pattern, line)[1];
}

std::vector<pid_t> StartedPool::workers() const { return component::children_of(process_.pid()); }

bool StartedPool::is_worker(pid_t pid) const {
  return component::status_field(pid, "PPid") == std::to_string(process_.pid());
}

std::vector<std::string> StartedPool::leaks() const {
  std::vector<std::string> problems = Victim::leaks();
  const auto descriptors = [&] { return component::descriptors_of(process_.pid()).size(); };
  if (!component::eventually([&] { return descriptors() == descriptors_at_rest_; })) {
    problems.push_back("the master has " + std::to_string(descriptors()) + " descriptors, at the beginning it had " +
                       std::to_string(descriptors_at_rest_));
  }
  return problems;
}

std::vector<std::string> StartedPool::end() {
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
