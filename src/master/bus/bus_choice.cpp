// SPDX-License-Identifier: MIT
#include "master/bus/bus_choice.hpp"

#include <unistd.h>

#include <cstdlib>

namespace preforkd {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Escapes all characters except those that may be plain in an address.
std::string escape(std::string_view path) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/.\\*";
  constexpr std::string_view digits = "0123456789abcdef";
  std::string escaped;
  for (const char c : path) {
    if (plain.find(c) != std::string_view::npos) {
      escaped += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    escaped += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return escaped;
}

std::string system_address() {
  std::string address = variable("DBUS_SYSTEM_BUS_ADDRESS");
  return address.empty() ? "unix:path=/run/dbus/system_bus_socket" : address;
}

std::string user_address() {
  std::string address = variable("DBUS_SESSION_BUS_ADDRESS");
  if (!address.empty()) return address;
  const std::string directory = variable("XDG_RUNTIME_DIR");
  return directory.empty() ? "" : "unix:path=" + escape(directory) + "/bus";
}

std::string automatic_address() {
  if (!is_main_process_of_unit()) return "";
  return variable("MANAGERPID").empty() ? system_address() : user_address();
}

}  // namespace

bool is_main_process_of_unit() { return variable("SYSTEMD_EXEC_PID") == std::to_string(getpid()); }

std::optional<BusChoice> parse_bus(std::string_view text) {
  if (text == "none") return BusChoice{BusChoice::Kind::none, {}};
  if (text == "user") return BusChoice{BusChoice::Kind::user, {}};
  if (text == "system") return BusChoice{BusChoice::Kind::system, {}};
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos || text.find('=', colon) == std::string_view::npos)
    return std::nullopt;
  return BusChoice{BusChoice::Kind::address, std::string(text)};
}

std::string bus_address(const BusChoice& choice) {
  switch (choice.kind) {
    case BusChoice::Kind::automatic:
      return automatic_address();
    case BusChoice::Kind::none:
      return "";
    case BusChoice::Kind::user:
      return user_address();
    case BusChoice::Kind::system:
      return system_address();
    case BusChoice::Kind::address:
      return choice.address;
  }
  return "";
}

}  // namespace preforkd
