// SPDX-License-Identifier: MIT
#include "master/bus_connection.hpp"

#include <algorithm>
#include <utility>

#include "base/errors.hpp"
#include "master/bus_library.hpp"
#include "master/log.hpp"

namespace preforkd {
namespace {

constexpr const char* local = "org.freedesktop.DBus.Local";
constexpr const char* local_path = "/org/freedesktop/DBus/Local";
constexpr const char* driver = "org.freedesktop.DBus";
constexpr const char* driver_path = "/org/freedesktop/DBus";

enum NameReply : std::uint32_t { owner = 1, queued = 2, already_owner = 4 };  // RequestName of the D-Bus specification

}  // namespace

BusConnection::BusConnection(EventLoop& loop, std::string address, std::string name, Events events)
    : loop_(loop), address_(std::move(address)), name_(std::move(name)), events_(std::move(events)) {
  if (address_.empty()) return;
  timer_ = loop_.add_timer(Priority::normal, std::chrono::milliseconds(50), [this] { advance(); });
  timer_.arm(SteadyClock().now());
}

BusConnection::~BusConnection() { close(); }

void BusConnection::advance() {
  try {
    switch (std::exchange(next_, Step::ask)) {
      case Step::ask:
        return ask();
      case Step::open:
        return open();
      case Step::name:
        return request_name();
      case Step::close:
        close();
        return try_again("the connection is lost");
    }
  } catch (const std::exception& error) {
    close();
    try_again(error.what());
  }
}

void BusConnection::ask() {
  sd_bus* bus = nullptr;
  check_native(sd_bus_new(&bus), "sd_bus_new");
  asking_.reset(bus);
  check_native(sd_bus_set_address(bus, address_.c_str()), address_.c_str());
  check_native(sd_bus_set_bus_client(bus, 1), "sd_bus_set_bus_client");
  check_native(sd_bus_set_connected_signal(bus, 1), "sd_bus_set_connected_signal");
  const auto on_connected = [](sd_bus_message*, void* self, sd_bus_error*) {
    static_cast<BusConnection*>(self)->answered(true);
    return 0;
  };
  const auto on_disconnected = [](sd_bus_message*, void* self, sd_bus_error*) {
    static_cast<BusConnection*>(self)->answered(false);
    return 0;
  };
  check_native(
      sd_bus_match_signal_async(bus, nullptr, local, local_path, local, "Connected", on_connected, nullptr, this),
      "sd_bus_match_signal_async");
  check_native(
      sd_bus_match_signal_async(bus, nullptr, local, local_path, local, "Disconnected", on_disconnected, nullptr, this),
      "sd_bus_match_signal_async");
  check_native(sd_bus_start(bus), address_.c_str());
  check_native(sd_bus_attach_event(bus, loop_.native(), SD_EVENT_PRIORITY_NORMAL), "sd_bus_attach_event");
}

void BusConnection::answered(bool alive) {
  next_ = alive ? Step::open : Step::close;
  timer_.arm(SteadyClock().now());
}

void BusConnection::open() {
  asking_.reset();
  connection_ = open_bus(address_);
  sd_bus* bus = native_bus(*connection_);
  const auto on_disconnected = [](sd_bus_message*, void* self, sd_bus_error*) {
    static_cast<BusConnection*>(self)->answered(false);
    return 0;
  };
  const auto on_acquired = [](sd_bus_message* message, void* self, sd_bus_error*) {
    const auto& connection = *static_cast<BusConnection*>(self);
    const char* name = nullptr;
    if (sd_bus_message_read(message, "s", &name) >= 0 && connection.name_ == name)
      log::info("shown on the message bus as " + connection.name_);
    return 0;
  };
  sd_bus_slot* slot = nullptr;
  check_native(
      sd_bus_match_signal_async(bus, &slot, local, local_path, local, "Disconnected", on_disconnected, nullptr, this),
      "sd_bus_match_signal_async");
  disconnected_.reset(slot);
  check_native(
      sd_bus_match_signal_async(bus, &slot, driver, driver_path, driver, "NameAcquired", on_acquired, nullptr, this),
      "sd_bus_match_signal_async");
  name_acquired_.reset(slot);
  check_native(sd_bus_attach_event(bus, loop_.native(), SD_EVENT_PRIORITY_NORMAL), "sd_bus_attach_event");
  events_.opened(*connection_);
  request_name();
}

// Without flags: while somebody else has the name we wait in the bus's queue for it.
void BusConnection::request_name() {
  sd_bus_slot* slot = nullptr;
  check_native(sd_bus_call_method_async(native_bus(*connection_), &slot, driver, driver_path, driver, "RequestName",
                                        native_handler<&BusConnection::name_answered>, this, "su", name_.c_str(),
                                        std::uint32_t{0}),
               "RequestName");
  name_call_.reset(slot);
}

void BusConnection::name_answered(sd_bus_message* reply) {
  if (const sd_bus_error* error = sd_bus_message_get_error(reply)) {
    next_ = Step::name;
    return try_again(error->message != nullptr ? error->message : error->name);
  }
  std::uint32_t answer = 0;
  if (sd_bus_message_read(reply, "u", &answer) < 0) answer = 0;
  wait_ = shortest_wait;
  complained_ = false;
  if (answer == queued) log::warning("the bus name " + name_ + " is taken; waiting for it");
}

void BusConnection::close() {
  name_call_.reset();
  name_acquired_.reset();
  disconnected_.reset();
  asking_.reset();
  if (!connection_) return;
  events_.lost();
  sd_bus_detach_event(native_bus(*connection_));
  connection_.reset();
}

void BusConnection::try_again(const std::string& why) {
  const std::string line = "the message bus cannot be had as " + name_ + ": " + address_ + ": " + why;
  if (std::exchange(complained_, true)) {
    log::debug(line);
  } else {
    log::notice(line + "; trying again and serving without it");
  }
  timer_.arm(SteadyClock().now() + wait_);
  wait_ = std::min(2 * wait_, longest_wait);
}

}  // namespace preforkd
