// SPDX-License-Identifier: MIT
#include "torture/service_pool.hpp"

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/group_folder.hpp"
#include "base/process_facts.hpp"
#include "support/deadline.hpp"
#include "support/process.hpp"

namespace preforkd::torture {
namespace {

using component::HarnessError;

std::string output_of(const std::string& program, const std::vector<std::string>& arguments) {
  component::Ended ended = component::run(program, arguments);
  while (ended.out.ends_with('\n')) ended.out.pop_back();
  return ended.out;
}

// Empty if it has ended.
std::string of(pid_t pid, const char* file) { return read_kernel_file("/proc/" + std::to_string(pid) + "/" + file); }

// Before that, SIGHUP would end it, and for systemd that is an orderly end.
bool takes_signals(pid_t pid) {
  const std::string status = of(pid, "status");
  const std::string name = "SigBlk:\t";
  const std::size_t at = status.find(name);
  if (at == std::string::npos) return false;
  const unsigned long long blocked = std::strtoull(status.c_str() + at + name.size(), nullptr, 16);
  return (blocked >> (SIGHUP - 1) & 1) != 0;
}

void systemctl(const std::vector<std::string>& arguments) {
  const component::Ended ended = component::run("/usr/bin/systemctl", arguments);
  if (ended.status != 0) throw HarnessError("systemctl " + arguments.front() + " fails: " + ended.err);
}

}  // namespace

ServicePool::ServicePool(std::string name, unsigned port, const nlohmann::json& settings)
    : Victim("127.0.0.1:" + std::to_string(port), settings), name_(std::move(name)) {
  std::filesystem::create_directories("/etc/preforkd");
  write(config_at_rest());
  systemctl({"daemon-reload"});
  systemctl({"start", socket_, service_});
  if (!component::eventually([&] { return workers().size() == workers_at_rest; }))
    throw HarnessError("the service does not start its workers: " + log());
  descriptors_at_rest_ = property("NFileDescriptorStore");
}

void ServicePool::restart() { systemctl({"restart", service_}); }

void ServicePool::write_text(const std::string& text) const {
  std::ofstream("/etc/preforkd/" + name_ + ".json") << text;
}

pid_t ServicePool::master() const {
  const std::vector<pid_t> found = GroupFolder(group_ + "/master").processes();
  return found.empty() || !takes_signals(found.front()) ? 0 : found.front();
}

std::vector<pid_t> ServicePool::workers() const {
  std::vector<pid_t> found;
  for (const GroupFolder& group : GroupFolder(group_).below()) {
    if (!group.name().starts_with("w.")) continue;
    const std::vector<pid_t> members = group.processes();
    std::copy_if(members.begin(), members.end(), std::back_inserter(found),
                 [](pid_t pid) { return !of(pid, "comm").starts_with("keeper"); });
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool ServicePool::is_worker(pid_t pid) const {
  const std::vector<pid_t> found = workers();
  return std::find(found.begin(), found.end(), pid) != found.end();
}

std::string ServicePool::property(const std::string& name) const {
  return output_of("/usr/bin/systemctl", {"show", "--value", "--property", name, service_});
}

std::string ServicePool::log() const {
  return output_of("/usr/bin/journalctl", {"--unit", service_, "--output", "cat", "--no-pager"});
}

std::vector<std::string> ServicePool::leaks() const {
  std::vector<std::string> problems = Victim::leaks();
  if (!component::eventually([&] { return property("NFileDescriptorStore") == descriptors_at_rest_; })) {
    problems.push_back("systemd keeps " + property("NFileDescriptorStore") + " descriptors, at the beginning it kept " +
                       descriptors_at_rest_);
  }
  return problems;
}

std::vector<std::string> ServicePool::end() {
  std::vector<std::string> problems;
  systemctl({"stop", socket_, service_});
  if (property("Result") != "success") problems.push_back("the service ends with " + property("Result"));
  if (property("NFileDescriptorStore") != "0")
    problems.push_back("systemd still keeps " + property("NFileDescriptorStore") + " descriptors");
  for (const pid_t pid : GroupFolder(group_).processes())
    problems.push_back("process " + std::to_string(pid) + " is left over: " + of(pid, "comm"));
  return problems;
}

}  // namespace preforkd::torture
