// SPDX-License-Identifier: MIT
#include "master/bus/unit_jobs.hpp"

#include <cstdint>
#include <utility>
#include <vector>

#include "base/unit_names.hpp"
#include "master/bus/bus_library.hpp"

namespace preforkd {
namespace {

constexpr std::uint64_t timeout_usec = 2'000'000;
constexpr const char* systemd = "org.freedesktop.systemd1";

struct Listed {
  std::string unit;
  std::string path;
  std::uint32_t job = 0;  // its number; 0: none
  std::string job_type;
};

// ListUnitsByPatterns() answers a(ssssssouso).
std::vector<Listed> read_units(sd_bus_message* reply) {
  std::vector<Listed> units;
  check_native(sd_bus_message_enter_container(reply, 'a', "(ssssssouso)"), "units");
  for (;;) {
    const int more = sd_bus_message_enter_container(reply, 'r', "ssssssouso");
    check_native(more, "units");
    if (more == 0) return units;
    const char* unit = nullptr;
    const char* path = nullptr;
    const char* type = nullptr;
    Listed listed;
    check_native(sd_bus_message_read(reply, "s", &unit), "units");
    check_native(sd_bus_message_skip(reply, "sssss"), "units");
    check_native(sd_bus_message_read(reply, "ous", &path, &listed.job, &type), "units");
    check_native(sd_bus_message_skip(reply, "o"), "units");
    check_native(sd_bus_message_exit_container(reply), "units");
    listed.unit = unit;
    listed.path = path;
    listed.job_type = type;
    units.push_back(std::move(listed));
  }
}

}  // namespace

UnitJobsQuery::UnitJobsQuery(sdbus::IConnection& connection) : bus_(native_bus(connection)) {}

void UnitJobsQuery::ask(const std::string& pool, Answer answer) {
  give_up();
  pool_ = pool;
  answer_ = std::move(answer);
  found_ = {};
  const char* const method = "ListUnitsByPatterns";
  const NativeMessage call =
      native_call(bus_, systemd, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", method);
  const std::vector<std::string> patterns = socket_unit_patterns(pool);
  check_native(sd_bus_message_append(call.get(), "asas", 0, 3, patterns[0].c_str(), patterns[1].c_str(),
                                     service_unit(pool).c_str()),
               method);
  call_ = send_native(bus_, call, native_handler<&UnitJobsQuery::on_units>, this, timeout_usec);
}

void UnitJobsQuery::on_units(sd_bus_message* reply) {
  std::string restarted;
  try {
    if (sd_bus_message_is_method_error(reply, nullptr) > 0) return finish();
    UnitJobs jobs{.of_sockets = false};
    for (const Listed& each : read_units(reply)) {
      if (each.job == 0) continue;
      if (is_socket_unit_of(pool_, each.unit)) jobs.of_sockets = true;
      if (each.unit == service_unit(pool_) && each.job_type == "restart") restarted = each.path;
    }
    found_ = jobs;
    if (restarted.empty()) return finish();
    ask_for_user(restarted);
  } catch (const std::system_error&) {
    finish();  // an unreadable reply counts as none
  }
}

void UnitJobsQuery::ask_for_user(const std::string& unit_path) {
  const char* const method = "Get";
  const NativeMessage call = native_call(bus_, systemd, unit_path.c_str(), "org.freedesktop.DBus.Properties", method);
  check_native(sd_bus_message_append(call.get(), "ss", "org.freedesktop.systemd1.Service", "User"), method);
  call_ = send_native(bus_, call, native_handler<&UnitJobsQuery::on_user>, this, timeout_usec);
}

void UnitJobsQuery::on_user(sd_bus_message* reply) {
  const char* user = nullptr;
  const bool read =
      sd_bus_message_is_method_error(reply, nullptr) == 0 && sd_bus_message_read(reply, "v", "s", &user) > 0;
  found_.restarts_service = read;
  if (read) found_.user = user;
  finish();
}

void UnitJobsQuery::finish() {
  if (const Answer answer = std::exchange(answer_, nullptr)) answer(std::exchange(found_, {}));
}

void UnitJobsQuery::give_up() {
  call_.reset();
  found_ = {};
  finish();
}

}  // namespace preforkd
