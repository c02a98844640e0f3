// SPDX-License-Identifier: MIT
#pragma once

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-bus.h>

#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "dbus/words.hpp"

namespace preforkd {

// All that differs between sdbus-c++ 1.2 (Debian 12) and 2.x (Debian 13), and what neither offers.

// A connection to the bus at `address`, whose Hello was answered a moment ago (BusConnection asks first), so this
// blocks only until the bus has answered once more. Callers are checked as on a system bus, whatever the bus is: none
// is trusted because of the address. Throws sdbus::Error.
[[nodiscard]] std::unique_ptr<sdbus::IConnection> open_bus(const std::string& address);

// The sd-bus object of the connection, borrowed.
[[nodiscard]] sd_bus* native_bus(sdbus::IConnection& connection);

// An error that a method answers with. `name` must be a valid error name: with another one the bus disconnects.
[[nodiscard]] sdbus::Error bus_error(const char* name, const std::string& text);

// The caller of the method that `object` handles now.
struct Caller {
  std::string sender;        // unique name
  bool interactive = false;  // it waits while the user is asked for a password
};
[[nodiscard]] Caller caller_of(const sdbus::IObject& object);

// Sends PropertiesChanged for these properties of an object's interface. Throws sdbus::Error.
void tell_changed(sdbus::IObject& object, const char* interface, const std::vector<std::string>& properties);

// For a D-Bus string, which must be UTF-8 without NUL: other bytes become \xHH.
[[nodiscard]] std::string bus_text(const std::string& bytes);

// Runs a method or reads a property. sdbus-c++ 1.2 passes only its own exceptions to the caller; any other would end
// the master.
template <class Method>
auto guarded(const Method& method) {
  try {
    return method();
  } catch (const sdbus::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw bus_error(dbus::error::internal, error.what());
  }
}

}  // namespace preforkd
