// SPDX-License-Identifier: MIT
#include "master/bus/log_control.hpp"

#include <optional>
#include <string_view>

#include "master/base/log.hpp"

namespace preforkd {
namespace {

// LogControl1 has syslog's words: "err" where --log-level has "error", and three above it. The master has no such
// levels: setting one shows errors.
constexpr const char* error_word = "err";

std::optional<log::Level> parse_syslog_level(std::string_view text) noexcept {
  for (const std::string_view word : {error_word, "crit", "alert", "emerg"}) {
    if (text == word) return log::Level::error;
  }
  const auto level = log::parse_level(text);
  return level == log::Level::error ? std::nullopt : level;
}

int get_level(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*, sd_bus_error*) {
  const log::Level level = log::level();
  return sd_bus_message_append(reply, "s", level == log::Level::error ? error_word : log::word_of(level));
}

int set_level(sd_bus*, const char*, const char*, const char*, sd_bus_message* value, void*, sd_bus_error* error) {
  const char* text = nullptr;
  if (const int result = sd_bus_message_read(value, "s", &text); result < 0) return result;
  const auto level = parse_syslog_level(text);
  if (!level)
    return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                             "log level \"%s\": must be one of emerg, alert, crit, err, warning, notice, info or debug",
                             text);
  log::set_level(*level);
  return 0;
}

int get_target(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*, sd_bus_error*) {
  return sd_bus_message_append(reply, "s", log::word_of(log::sink()));
}

int set_target(sd_bus*, const char*, const char*, const char*, sd_bus_message* value, void*, sd_bus_error* error) {
  const char* text = nullptr;
  if (const int result = sd_bus_message_read(value, "s", &text); result < 0) return result;
  const auto target = log::parse_target(std::string_view(text) == "journal-or-kmsg" ? "journal" : text);
  if (!target)
    return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "log target \"%s\": must be %s", text,
                             log::target_words().c_str());
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
