// SPDX-License-Identifier: MIT
#include "pools/bus/failure_text.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/errors.hpp"
#include "dbus/words.hpp"

namespace preforkd {
namespace {

enum class Kind { absent, not_allowed, gone, lost, silent, no_object, unknown_call, unreadable, refused };

struct Row {
  std::string_view name;
  Kind kind;
};

constexpr auto kinds = std::to_array<Row>({
    {"org.freedesktop.DBus.Error.ServiceUnknown", Kind::absent},
    {"org.freedesktop.DBus.Error.NameHasNoOwner", Kind::absent},
    {"org.freedesktop.DBus.Error.AccessDenied", Kind::not_allowed},
    {"org.freedesktop.DBus.Error.AuthFailed", Kind::not_allowed},
    {"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", Kind::not_allowed},
    {dbus::error::not_authorized, Kind::not_allowed},
    {"org.freedesktop.DBus.Error.NoReply", Kind::gone},
    {"org.freedesktop.DBus.Error.Disconnected", Kind::lost},
    {"System.Error.ECONNRESET", Kind::lost},
    {"System.Error.ENOTCONN", Kind::lost},
    {"System.Error.EPIPE", Kind::lost},
    {"System.Error.ESHUTDOWN", Kind::lost},
    {"org.freedesktop.DBus.Error.Timeout", Kind::silent},
    {"org.freedesktop.DBus.Error.TimedOut", Kind::silent},
    {"System.Error.ETIMEDOUT", Kind::silent},
    {"org.freedesktop.DBus.Error.UnknownObject", Kind::no_object},
    {"org.freedesktop.DBus.Error.UnknownMethod", Kind::unknown_call},
    {"org.freedesktop.DBus.Error.UnknownInterface", Kind::unknown_call},
    {"org.freedesktop.DBus.Error.UnknownProperty", Kind::unknown_call},
    {"org.freedesktop.DBus.Error.InvalidArgs", Kind::unknown_call},
    {"org.freedesktop.DBus.Error.InvalidSignature", Kind::unreadable},
});

Kind kind_of(const std::string& name) {
  const auto* const found = std::find_if(kinds.begin(), kinds.end(), [&](const Row& row) { return row.name == name; });
  return found == kinds.end() ? Kind::refused : found->kind;
}

std::string worker_at(std::string_view object) {
  constexpr std::string_view folder = dbus::worker_folder;
  return object.starts_with(folder) ? "worker " + std::string(object.substr(folder.size())) : "such worker";
}

}  // namespace

ExitError silent_bus(const BusTarget& target) {
  return {exit_code::unavailable, describe(target) + " does not answer; check whether its daemon is stopped or busy"};
}

ExitError explain(const BusFailure& failure, const std::string& pool, const BusTarget& target, std::uint32_t pid,
                  std::string_view object) {
  const std::string name = "pool \"" + pool + '"';
  const std::string self = "preforkctl " + options_for(target);
  switch (kind_of(failure.name())) {
    case Kind::absent:
      return {exit_not_running,
              name + " is not running on " + describe(target) + "; \"" + self + "list\" shows the pools there"};
    case Kind::not_allowed:
      return {exit_code::not_allowed, name + ": not allowed: " + failure.what() +
                                          "; try as root or as the pool's user, or see POLKIT in preforkctl(1)"};
    case Kind::gone:
      return {exit_code::unavailable,
              name + " went away before it answered; \"preforkctl logs " + pool + "\" shows its last messages"};
    case Kind::lost:
      return {exit_code::unavailable, "lost " + describe(target) + "; " + name +
                                          " continues its work; when the bus is back, \"" + self + "status " + pool +
                                          "\" shows its state"};
    case Kind::silent:
      if (pid == 0) return silent_bus(target);
      return {exit_code::unavailable, name + ": its master (pid " + std::to_string(pid) +
                                          ") does not answer; check whether it is stopped or busy"};
    case Kind::no_object:
      return {exit_code::failure,
              name + " has no " + worker_at(object) + "; \"" + self + "workers " + pool + "\" lists them"};
    case Kind::unknown_call:
      return {exit_code::failure, name + " does not understand this preforkctl (version " PREFORKD_VERSION "; see \"" +
                                      self + "show " + pool + "\" for its own): " + failure.what()};
    case Kind::unreadable:
      return {exit_code::failure,
              name + " sent a reply that this preforkctl (version " PREFORKD_VERSION ") does not understand: " +
                  failure.what()};
    case Kind::refused:
      break;
  }
  return {exit_code::failure, name + ": " + failure.what()};
}

}  // namespace preforkd
