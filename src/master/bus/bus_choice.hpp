// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace preforkd {

// The message bus of a pool (--bus).
struct BusChoice {
  enum class Kind {
    automatic,  // the bus of the systemd that has started us, system or user; none if started by hand
    none,
    user,
    system,
    address,
  };
  Kind kind = Kind::automatic;
  std::string address;  // Kind::address: "unix:path=/run/x", as in the D-Bus specification

  bool operator==(const BusChoice&) const = default;
};

// nullopt: neither a word of --help nor an address.
[[nodiscard]] std::optional<BusChoice> parse_bus(std::string_view text);

// Whether this process is the main process of a unit (SYSTEMD_EXEC_PID of systemd.exec(5)).
[[nodiscard]] bool is_main_process_of_unit();

// The bus's address, from the choice and the environment: SYSTEMD_EXEC_PID and MANAGERPID (systemd.exec(5)),
// DBUS_SYSTEM_BUS_ADDRESS, DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR. Empty: none.
[[nodiscard]] std::string bus_address(const BusChoice& choice);

}  // namespace preforkd
