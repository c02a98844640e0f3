// SPDX-License-Identifier: MIT
#include "ctl/output/event_text.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "ctl/output/printable.hpp"
#include "dbus/words.hpp"

namespace preforkd::ctl {
namespace {

// The name in JSON, and the names of the arguments in order.
struct EventRow {
  std::string_view member;
  const char* event;
  std::array<const char*, 7> arguments;
};

constexpr auto event_rows = std::to_array<EventRow>({
    {"WorkerStarted", "worker_started", {"slot", "pid", "generation"}},
    {"WorkerReady", "worker_ready", {"slot", "pid", "generation"}},
    {"WorkerExited", "worker_exited", {"slot", "pid", "generation", "cause", "kind", "status", "text"}},
    {"ReloadFinished", "reload_finished", {"ok", "generation", "message"}},
});

// Signals of the pool by name, and the properties that describe its state.
Json fields_of(const Signal& signal) {
  Json fields = Json::object();
  if (signal.interface == "org.freedesktop.DBus.Properties" && signal.member == "PropertiesChanged") {
    if (signal.arguments.size() < 2 || signal.arguments[0] != dbus::pool_interface) return fields;
    const Json& changed = signal.arguments[1];
    if (changed.contains("State")) fields = {{"event", "state"}, {"state", changed["State"]}};
    return fields;
  }
  const auto* const row = std::find_if(event_rows.begin(), event_rows.end(),
                                       [&](const EventRow& each) { return each.member == signal.member; });
  if (signal.interface != dbus::pool_interface || row == event_rows.end()) return fields;
  fields["event"] = row->event;
  for (std::size_t i = 0; i < row->arguments.size() && row->arguments[i] != nullptr; ++i) {
    fields[row->arguments[i]] = i < signal.arguments.size() ? signal.arguments[i] : Json();
  }
  return fields;
}

std::string text_of(const Json& fields, const char* name) {
  const Json& value = fields.at(name);
  return printable(value.is_string() ? value.get<std::string>() : value.dump());
}

std::string worker_text(const Json& fields) {
  return "worker " + text_of(fields, "slot") + " (pid " + text_of(fields, "pid") + ", generation " +
         text_of(fields, "generation") + ')';
}

}  // namespace

std::optional<std::string> event_text(const Signal& signal) {
  const Json fields = fields_of(signal);
  if (fields.empty()) return std::nullopt;
  const std::string event = fields["event"];
  if (event == "state") return "pool is " + text_of(fields, "state");
  if (event == "worker_started") return worker_text(fields) + " started";
  if (event == "worker_ready") return worker_text(fields) + " is ready";
  if (event == "worker_exited") {
    return worker_text(fields) + ' ' + text_of(fields, "text");
  }
  const std::string message = text_of(fields, "message");
  return std::string(fields["ok"] == true ? "reload done: " : "reload failed: ") + message;
}

std::optional<Json> event_json(const Signal& signal, const std::string& pool, std::uint64_t now) {
  Json fields = fields_of(signal);
  if (fields.empty()) return std::nullopt;
  Json object{{"event", fields["event"]}, {"at", now}, {"pool", pool}};
  object.update(fields);
  return object;
}

}  // namespace preforkd::ctl
