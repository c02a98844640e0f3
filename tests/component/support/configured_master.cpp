// SPDX-License-Identifier: MIT
#include "support/configured_master.hpp"

#include <signal.h>

#include <algorithm>
#include <regex>
#include <sstream>

#include "support/binaries.hpp"
#include "support/proc.hpp"

namespace preforkd::component {
namespace {

std::vector<std::string> command_line(const std::string& file, const std::vector<std::string>& arguments) {
  std::vector<std::string> line{"--config", file, "--log-level", "debug"};
  line.insert(line.end(), arguments.begin(), arguments.end());
  return line;
}

}  // namespace

ConfiguredMaster::ConfiguredMaster(const nlohmann::json& config, const StartOptions& options,
                                   const std::vector<std::string>& arguments)
    : process_(binaries::preforkd, command_line(folder_.write("test.json", config.dump()), arguments), options) {
  static const std::regex all_ready("([0-9]+)/\\1 workers ready");
  std::string line;
  log().wait_for(all_ready, line);
}

std::string ConfiguredMaster::hup(std::string_view part) {
  const std::size_t mark = log().size();
  process_.signal(SIGHUP);
  return log().wait_for(part, mark);
}

std::string ConfiguredMaster::reload(const nlohmann::json& config, std::string_view part) {
  write(config);
  return hup(part);
}

std::vector<std::string> ConfiguredMaster::table() {
  // Signals of one number are not queued: the line after the table shows that it is complete.
  const std::size_t mark = log().size();
  process_.signal(SIGUSR1);
  log().wait_for("pool \"test\": ", mark);
  process_.signal(SIGUSR1);
  std::vector<std::string> lines;
  const auto complete = [&] {
    lines.clear();
    std::istringstream text(log().text().substr(mark));
    unsigned heads = 0;
    for (std::string line; std::getline(text, line) && heads < 2;) {
      if (line.find("pool \"test\": ") != std::string::npos) ++heads;
      if (heads == 1 && line.find("  worker ") != std::string::npos) lines.push_back(line);
    }
    return heads == 2;
  };
  if (!eventually(complete)) throw HarnessError("no table in:\n" + log().text().substr(mark));
  return lines;
}

std::string ConfiguredMaster::address(std::size_t from) const {
  static const std::regex pattern("(?:>|: )listening on ([^ ]+)");
  std::string line;
  return log().wait_for(pattern, line, from)[1];
}

std::vector<pid_t> ConfiguredMaster::workers() const {
  std::vector<pid_t> workers = children_of(process_.pid());
  std::sort(workers.begin(), workers.end());
  return workers;
}

bool ConfiguredMaster::has_only(const std::vector<pid_t>& expected) const {
  return eventually([&] { return workers() == expected; });
}

bool ConfiguredMaster::all_new(const std::vector<pid_t>& before, std::size_t count) const {
  return eventually([&] {
    const std::vector<pid_t> now = workers();
    return now.size() == count && std::none_of(now.begin(), now.end(), [&](pid_t pid) {
             return std::binary_search(before.begin(), before.end(), pid);
           });
  });
}

}  // namespace preforkd::component
