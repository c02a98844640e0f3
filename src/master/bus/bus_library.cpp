// SPDX-License-Identifier: MIT
#include "master/bus/bus_library.hpp"

#include <cstdlib>
#include <optional>

#include "base/escape.hpp"
#include "dbus/words.hpp"

#if __has_include(<sdbus-c++/VTableItems.h>)
#define PREFORKD_SDBUS_2 1
#else
#define PREFORKD_SDBUS_2 0
#endif

namespace preforkd {
namespace {

// The message's sd-bus object, through a derived class: neither version offers another way.
struct Peek : sdbus::Message {
  static sd_bus_message* at(const sdbus::Message& message) {
    return static_cast<sd_bus_message*>(message.*(&Peek::msg_));
  }
};

#if !PREFORKD_SDBUS_2

// Sets an environment variable temporarily.
class TemporaryVariable {
 public:
  TemporaryVariable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~TemporaryVariable() {
    if (before_) {
      setenv(name_, before_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  TemporaryVariable(const TemporaryVariable&) = delete;
  TemporaryVariable& operator=(const TemporaryVariable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

#endif

}  // namespace

#if PREFORKD_SDBUS_2

std::unique_ptr<sdbus::IConnection> open_bus(const std::string& address) {
  sd_bus* bus = nullptr;
  int result = sd_bus_new(&bus);
  if (result >= 0) result = sd_bus_set_address(bus, address.c_str());
  if (result >= 0) result = sd_bus_set_bus_client(bus, 1);
  if (result >= 0) result = sd_bus_start(bus);
  if (result < 0) {
    sd_bus_unref(bus);
    throw sdbus::createError(-result, "cannot open the bus");
  }
  return sdbus::createBusConnection(bus);
}

sd_bus* native_bus(sdbus::IConnection& connection) {
  const auto object = sdbus::createObject(connection, sdbus::ObjectPath(dbus::pool_path));
  const auto signal = object->createSignal(sdbus::InterfaceName(dbus::pool_interface), sdbus::SignalName("Any"));
  return sd_bus_message_get_bus(Peek::at(signal));
}

sdbus::Error bus_error(const char* name, const std::string& text) {
  return sdbus::Error(sdbus::Error::Name(name), bus_text(text));
}

Caller caller_of(const sdbus::IObject& object) {
  const sdbus::Message message = object.getCurrentlyProcessedMessage();
  return {message.getSender(), sd_bus_message_get_allow_interactive_authorization(Peek::at(message)) > 0};
}

void tell_changed(sdbus::IObject& object, const char* interface, const std::vector<std::string>& properties) {
  object.emitPropertiesChangedSignal(sdbus::InterfaceName(interface),
                                     std::vector<sdbus::PropertyName>(properties.begin(), properties.end()));
}

#else

std::unique_ptr<sdbus::IConnection> open_bus(const std::string& address) {
  // The library's own function for an address trusts every caller.
  const TemporaryVariable variable("DBUS_SYSTEM_BUS_ADDRESS", address);
  return sdbus::createSystemBusConnection();
}

sd_bus* native_bus(sdbus::IConnection& connection) {
  const auto object = sdbus::createObject(connection, dbus::pool_path);
  const auto signal = object->createSignal(dbus::pool_interface, "Any");
  return sd_bus_message_get_bus(Peek::at(signal));
}

sdbus::Error bus_error(const char* name, const std::string& text) { return {name, bus_text(text)}; }

Caller caller_of(const sdbus::IObject& object) {
  const sdbus::Message* message = object.getCurrentlyProcessedMessage();
  if (message == nullptr) return {};
  return {message->getSender(), sd_bus_message_get_allow_interactive_authorization(Peek::at(*message)) > 0};
}

void tell_changed(sdbus::IObject& object, const char* interface, const std::vector<std::string>& properties) {
  object.emitPropertiesChangedSignal(interface, properties);
}

#endif

std::string bus_text(const std::string& bytes) {
  return is_utf8_text(bytes) ? bytes : escape_bytes(bytes, bytes.size());
}

}  // namespace preforkd
