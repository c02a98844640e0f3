// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/listener.hpp"
#include "base/unique_fd.hpp"
#include "support/message_bus.hpp"
#include "support/process.hpp"

namespace preforkd::component {

// A program for all pools on a bus, with the socket that systemd keeps for it.
class ActivatedService : public testing::Test {
 protected:
  explicit ActivatedService(std::string program) : program_(std::move(program)) {}

  void start(const std::string& idle_exit = "1h") {
    StartOptions options;
    options.descriptors = {socket_.get()};
    options.listen_pid = true;
    options.environment = {{"LISTEN_FDS", "1"}};
    process_.emplace(program_, std::vector{"--address=" + bus_.address(), "--idle-exit=" + idle_exit}, options);
  }
  [[nodiscard]] std::string address() const { return format_address(*local_address(socket_.get())); }

  const std::string program_;
  const UniqueFd socket_ = open_listener(*parse_address("127.0.0.1:0")).value().fd;
  MessageBus bus_;
  std::optional<Process> process_;
};

}  // namespace preforkd::component
