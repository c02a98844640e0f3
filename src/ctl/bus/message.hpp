// SPDX-License-Identifier: MIT
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "ctl/json.hpp"

namespace preforkd::ctl {

struct MessageUnref {
  void operator()(sd_bus_message* message) const noexcept { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, MessageUnref>;

// An argument of the types u, i and s.
using Argument = std::variant<std::uint32_t, std::int32_t, std::string>;

struct MethodCall {
  std::string destination;
  std::string path;
  std::string interface;
  std::string member;
  std::vector<Argument> arguments;
  bool interactive = false;      // whoever decides may ask the user (ALLOW_INTERACTIVE_AUTHORIZATION)
  std::uint64_t timeout_us = 0;  // 0: sd-bus's own, 25 s; UINT64_MAX: none
};

// Appends; returns a negative errno if that fails.
[[nodiscard]] int append(sd_bus_message* message, const std::vector<Argument>& arguments);

// All arguments of a message as an array. Structs and arrays become arrays, dictionaries objects, variants their value.
// Throws std::runtime_error if the message is broken.
[[nodiscard]] Json decode(sd_bus_message* message);

}  // namespace preforkd::ctl
