// SPDX-License-Identifier: MIT
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "pools/bus/json.hpp"

namespace preforkd {

struct MessageUnref {
  void operator()(sd_bus_message* message) const noexcept { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, MessageUnref>;

// An argument of the types u, i, s, as and b.
using Argument = std::variant<std::uint32_t, std::int32_t, std::string, std::vector<std::string>, bool>;

// A call that was answered with an error, or unreadably, or not at all.
class BusFailure : public std::runtime_error {
 public:
  BusFailure(std::string name, const std::string& text) : std::runtime_error(text), name_(std::move(name)) {}
  // The D-Bus error name: "org.preforkd1.Error.Stopping".
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  std::string name_;
};

struct MethodCall {
  std::string destination;
  std::string path;
  std::string interface;
  std::string member;
  std::string answer;  // the beginning of the out arguments' signature ("a("); empty: it is not checked
  std::vector<Argument> arguments;
  bool interactive = false;      // polkit may ask the user (ALLOW_INTERACTIVE_AUTHORIZATION)
  std::uint64_t timeout_us = 0;  // 0: the bus's; UINT64_MAX: no limit
};

// Appends; returns a negative errno if that fails.
[[nodiscard]] int append(sd_bus_message* message, const std::vector<Argument>& arguments);

// All arguments of a message as an array. Structs and arrays become arrays, dictionaries objects, variants their value.
// Throws BusFailure if the message is broken or contains something else, such as a descriptor.
[[nodiscard]] Json decode(sd_bus_message* message);
// The arguments of an answer, whose signature must begin as required (MethodCall::answer). Throws BusFailure.
[[nodiscard]] Json decode_answer(sd_bus_message* message, const std::string& signature);

}  // namespace preforkd
