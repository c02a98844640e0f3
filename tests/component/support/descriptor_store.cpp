// SPDX-License-Identifier: MIT
#include "support/descriptor_store.hpp"

namespace preforkd::component {

const std::map<std::string, DescriptorStore::Descriptors>& DescriptorStore::contents() {
  for (NotifyReceiver::Message& message : socket_.receive_all()) {
    const auto name = message.fields.find("FDNAME");
    if (name == message.fields.end()) continue;
    Descriptors& stored = contents_[name->second];
    if (message.fields.contains("FDSTOREREMOVE")) stored.clear();
    for (auto& each : message.stored) stored.push_back(std::move(each));
    if (stored.empty()) contents_.erase(name->second);
  }
  return contents_;
}

std::vector<std::string> DescriptorStore::names(const std::string& prefix) {
  std::vector<std::string> found;
  for (const auto& [name, descriptors] : contents()) {
    if (name.starts_with(prefix)) found.push_back(name);
  }
  return found;
}

StartOptions DescriptorStore::passing(const std::map<std::string, int>& sockets) {
  StartOptions options;
  std::string names;
  const auto pass = [&](int fd, const std::string& name) {
    options.descriptors.push_back(fd);
    names += (names.empty() ? "" : ":") + name;
  };
  for (const auto& [name, fd] : sockets) pass(fd, name);
  for (const auto& [name, descriptors] : contents()) {
    for (const auto& each : descriptors) pass(each->get(), name);
  }
  options.environment = {{"NOTIFY_SOCKET", socket_.path()}};
  if (options.descriptors.empty()) return options;
  options.listen_pid = true;
  options.environment.emplace_back("LISTEN_FDS", std::to_string(options.descriptors.size()));
  options.environment.emplace_back("LISTEN_FDNAMES", names);
  return options;
}

}  // namespace preforkd::component
