// SPDX-License-Identifier: MIT
#include "master/bus/bus_connection.hpp"

#include <algorithm>
#include <utility>

#include "base/errors.hpp"
#include "master/base/log.hpp"
#include "master/bus/bus_library.hpp"

namespace preforkd {
namespace {

constexpr const char* local_interface = "org.freedesktop.DBus.Local";
constexpr const char* local_path = "/org/freedesktop/DBus/Local";
constexpr const char* driver = "org.freedesktop.DBus";
constexpr const char* driver_path = "/org/freedesktop/DBus";

constexpr Duration max_flush = std::chrono::milliseconds(100);
constexpr std::uint32_t queued = 2;  // DBUS_REQUEST_NAME_REPLY_IN_QUEUE, an answer to RequestName

// A signal of the connection itself, or of the bus. Without a slot it is watched as long as the connection exists.
void watch(sd_bus* bus, sd_bus_slot** slot, const char* sender, const char* path, const char* signal,
           sd_bus_message_handler_t handler, void* data) {
  check_native(sd_bus_match_signal_async(bus, slot, sender, path, sender, signal, handler, nullptr, data), signal);
}

}  // namespace

BusConnection::BusConnection(EventLoop& loop, std::string address, std::string name, Events events)
    : loop_(loop), address_(std::move(address)), name_(std::move(name)), events_(std::move(events)) {
  if (address_.empty()) return;
  timer_ = loop_.add_timer(Priority::bus, std::chrono::milliseconds(50), [this] { advance(); });
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
  watch(bus, nullptr, local_interface, local_path, "Connected", native_handler<&BusConnection::on_connected>, this);
  watch(bus, nullptr, local_interface, local_path, "Disconnected", native_handler<&BusConnection::on_disconnected>,
        this);
  check_native(sd_bus_start(bus), address_.c_str());
  pump(bus);
}

// advance() does the rest later, since this runs within a callback of the connection.
void BusConnection::go_on_with(Step step) {
  next_ = step;
  timer_.arm(SteadyClock().now());
}

void BusConnection::pump(sd_bus* bus) {
  pump_.emplace(loop_, bus, [this] { go_on_with(Step::close); });
}

void BusConnection::on_connected(sd_bus_message* /*signal*/) { go_on_with(Step::open); }
void BusConnection::on_disconnected(sd_bus_message* /*signal*/) { go_on_with(Step::close); }

void BusConnection::on_name_acquired(sd_bus_message* signal) {
  const char* name = nullptr;
  if (sd_bus_message_read(signal, "s", &name) >= 0 && name_ == name) log::info("acquired the bus name " + name_);
}

void BusConnection::open() {
  pump_.reset();
  asking_.reset();
  connection_ = open_bus(address_);
  sd_bus* bus = native_bus(*connection_);
  sd_bus_slot* slot = nullptr;
  watch(bus, &slot, local_interface, local_path, "Disconnected", native_handler<&BusConnection::on_disconnected>, this);
  disconnected_.reset(slot);
  watch(bus, &slot, driver, driver_path, "NameAcquired", native_handler<&BusConnection::on_name_acquired>, this);
  name_acquired_.reset(slot);
  pump(bus);
  events_.opened(*connection_);
  request_name();
}

// Without flags: while another process has the name, this one waits in the bus's queue for it.
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
  wait_ = min_wait;
  complained_ = false;
  if (answer == queued) log::warning("the bus name " + name_ + " is owned by another process; waiting for it");
}

void BusConnection::flush() {
  if (pump_) pump_->flush(max_flush);
}

void BusConnection::close() {
  flush();
  pump_.reset();
  name_call_.reset();
  name_acquired_.reset();
  disconnected_.reset();
  asking_.reset();
  if (!connection_) return;
  events_.lost();
  sd_bus_close(native_bus(*connection_));  // else the destructor would wait for a bus that hangs
  connection_.reset();
}

void BusConnection::try_again(const std::string& why) {
  const std::string line = "cannot acquire the bus name " + name_ + ": " + address_ + ": " + why;
  if (std::exchange(complained_, true)) {
    log::debug(line);
  } else {
    log::notice(line + "; the pool runs without D-Bus, retrying");
  }
  timer_.arm(SteadyClock().now() + wait_);
  wait_ = std::min(2 * wait_, max_wait);
}

}  // namespace preforkd
