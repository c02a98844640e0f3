// SPDX-License-Identifier: MIT
#include "master/bus/log_control.hpp"

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include "master/base/log.hpp"

namespace preforkd {
namespace {

struct Name {
  const char* name;
  log::Level level;
};

// syslog's names, as LogControl1 has them. The master has no levels above error: setting one shows errors.
constexpr std::array<Name, 8> levels{{{"err", log::Level::error},
                                      {"warning", log::Level::warning},
                                      {"notice", log::Level::notice},
                                      {"info", log::Level::info},
                                      {"debug", log::Level::debug},
                                      {"crit", log::Level::error},
                                      {"alert", log::Level::error},
                                      {"emerg", log::Level::error}}};

int get_level(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*, sd_bus_error*) {
  for (const Name& each : levels) {
    if (each.level == log::level()) return sd_bus_message_append(reply, "s", each.name);
  }
  return -EINVAL;
}

int set_level(sd_bus*, const char*, const char*, const char*, sd_bus_message* value, void*, sd_bus_error* error) {
  const char* text = nullptr;
  if (const int result = sd_bus_message_read(value, "s", &text); result < 0) return result;
  for (const Name& each : levels) {
    if (std::string_view(each.name) != text) continue;
    log::set_level(each.level);
    return 0;
  }
  return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                           "log level \"%s\": must be one of emerg, alert, crit, err, warning, notice, info or debug",
                           text);
}

int get_target(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*, sd_bus_error*) {
  switch (log::sink()) {
    case log::Sink::journal:
      return sd_bus_message_append(reply, "s", "journal");
    case log::Sink::prefixed:
      return sd_bus_message_append(reply, "s", "console-prefixed");
    case log::Sink::plain:
      return sd_bus_message_append(reply, "s", "console");
    case log::Sink::null:
      return sd_bus_message_append(reply, "s", "null");
  }
  return -EINVAL;
}

int set_target(sd_bus*, const char*, const char*, const char*, sd_bus_message* value, void*, sd_bus_error* error) {
  const char* text = nullptr;
  if (const int result = sd_bus_message_read(value, "s", &text); result < 0) return result;
  const auto target = log::parse_target(std::string_view(text) == "journal-or-kmsg" ? "journal" : text);
  if (!target)
    return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                             "log target \"%s\": must be auto, journal, console, console-prefixed or null", text);
  log::set_sink(*target);
  return 0;
}

int get_identifier(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*, sd_bus_error*) {
  return sd_bus_message_append(reply, "s", "preforkd");
}

}  // namespace

// libsystemd's macros are C: they expand to old-style casts and missing initializers.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wpedantic"
static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0), SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get_level, set_level, 0, 0),
    SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", get_target, set_target, 0, 0),
    SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST), SD_BUS_VTABLE_END};
#pragma GCC diagnostic pop

LogControl::LogControl(sd_bus* bus) {
  sd_bus_slot* slot = nullptr;
  constexpr const char* interface = "org.freedesktop.LogControl1";
  check_native(sd_bus_add_object_vtable(bus, &slot, "/org/freedesktop/LogControl1", interface, vtable, nullptr),
               interface);
  slot_.reset(slot);
}

}  // namespace preforkd
