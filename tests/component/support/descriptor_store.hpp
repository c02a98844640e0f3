// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "support/notify_receiver.hpp"
#include "support/process.hpp"

namespace preforkd::component {

// Takes the place of systemd's file descriptor store: it keeps what a service's main process stores, and passes it to
// the next one.
class DescriptorStore {
 public:
  using Descriptors = std::vector<std::shared_ptr<const UniqueFd>>;

  // For the next process, with other sockets that systemd passes, by name.
  [[nodiscard]] StartOptions passing(const std::map<std::string, int>& sockets = {});

  // What it has now, by name.
  [[nodiscard]] const std::map<std::string, Descriptors>& contents();
  // The names that begin so.
  [[nodiscard]] std::vector<std::string> names(const std::string& prefix);
  // As another version of preforkd may have left it.
  void put(const std::string& name, UniqueFd fd) {
    contents_[name].push_back(std::make_shared<const UniqueFd>(std::move(fd)));
  }
  // As systemd does at the end of a stop.
  void drop() {
    static_cast<void>(contents());
    contents_.clear();
  }

  [[nodiscard]] NotifyReceiver& socket() noexcept { return socket_; }

 private:
  NotifyReceiver socket_{NotifyReceiver::Keep::nothing};
  std::map<std::string, Descriptors> contents_;
};

}  // namespace preforkd::component
