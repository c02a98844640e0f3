// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "pools/bus/bus.hpp"

namespace preforkd {

// The first argument of what a method of systemd answers, if systemd is on that bus. Throws BusFailure.
[[nodiscard]] Json ask_systemd(Bus& bus, const std::string& path, const std::string& interface,
                               const std::string& member, const std::string& answer, std::vector<Argument> arguments);
// The same for a method of its Manager.
[[nodiscard]] Json ask_manager(Bus& bus, const std::string& member, const std::string& answer,
                               std::vector<Argument> arguments);

// A property of the unit at an object path, of the interface org.freedesktop.systemd1.INTERFACE. Throws BusFailure.
[[nodiscard]] Json unit_property(Bus& bus, const std::string& unit, const std::string& interface,
                                 const std::string& name);

// systemd, for the units of a pool. Every call throws ExitError: 77 if systemd does not allow it, 69 if it is not on
// the bus, else 1.
class Systemd {
 public:
  // Borrows the bus. `interactive`: polkit may ask the user.
  Systemd(Bus& bus, bool interactive);
  Systemd(const Systemd&) = delete;
  Systemd& operator=(const Systemd&) = delete;

  // systemctl daemon-reload.
  void reload_units();
  // "StartUnit", "StopUnit" or "RestartUnit"; waits for the job's end.
  void run_job(const std::string& method, const std::string& unit);

  // The socket units of a pool that systemd knows, with their state ("active"), also those without a file any more.
  [[nodiscard]] std::map<std::string, std::string> sockets(const std::string& pool);
  [[nodiscard]] std::string active_state(const std::string& unit);
  // The socket units that belong to a service.
  [[nodiscard]] std::vector<std::string> sockets_of(const std::string& service);
  // The user, sandbox and limits of a service, as its unit now has them, by their names in org.freedesktop.systemd1(5).
  [[nodiscard]] Json confinement(const std::string& service);
  // The addresses of a socket unit.
  [[nodiscard]] std::vector<std::string> addresses(const std::string& socket);

 private:
  [[nodiscard]] Json call(const std::string& member, std::vector<Argument> arguments, const std::string& answer);
  [[nodiscard]] Json property(const std::string& unit, const std::string& interface, const std::string& name);

  Bus& bus_;
  const bool interactive_;
  std::map<std::string, std::string> ended_;  // jobs, with their results
};

}  // namespace preforkd
