// SPDX-License-Identifier: MIT
#include "master/bus/socket_jobs.hpp"

#include <cstdint>
#include <utility>

#include "base/unit_names.hpp"
#include "master/bus/bus_library.hpp"

namespace preforkd {
namespace {

constexpr std::uint64_t timeout_usec = 2'000'000;

// ListUnitsByPatterns() answers a(ssssssouso); the eighth field is the number of the unit's job, 0 if there is none.
bool any_job(sd_bus_message* reply, const std::string& pool) {
  const char* unit = nullptr;
  std::uint32_t job = 0;
  bool any = false;
  check_native(sd_bus_message_enter_container(reply, 'a', "(ssssssouso)"), "units");
  for (;;) {
    const int more = sd_bus_message_enter_container(reply, 'r', "ssssssouso");
    check_native(more, "units");
    if (more == 0) return any;
    check_native(sd_bus_message_read(reply, "s", &unit), "units");
    check_native(sd_bus_message_skip(reply, "ssssso"), "units");
    check_native(sd_bus_message_read(reply, "u", &job), "units");
    check_native(sd_bus_message_skip(reply, "so"), "units");
    check_native(sd_bus_message_exit_container(reply), "units");
    any = any || (job != 0 && is_socket_unit_of(pool, unit));
  }
}

}  // namespace

SocketJobs::SocketJobs(sdbus::IConnection& connection) : bus_(native_bus(connection)) {}

void SocketJobs::ask(const std::string& pool, Answer answer) {
  pool_ = pool;
  answer_ = std::move(answer);
  const char* const method = "ListUnitsByPatterns";
  const NativeMessage call = native_call(bus_, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                         "org.freedesktop.systemd1.Manager", method);
  const std::vector<std::string> patterns = socket_unit_patterns(pool);
  check_native(sd_bus_message_append(call.get(), "asas", 0, 2, patterns[0].c_str(), patterns[1].c_str()), method);
  call_ = send_native(bus_, call, native_handler<&SocketJobs::on_units>, this, timeout_usec);
}

void SocketJobs::on_units(sd_bus_message* reply) {
  bool any = true;
  try {
    any = sd_bus_message_is_method_error(reply, nullptr) > 0 || any_job(reply, pool_);
  } catch (const std::system_error&) {
    any = true;  // an unreadable reply counts as none
  }
  if (const Answer answer = std::exchange(answer_, nullptr)) answer(any);
}

void SocketJobs::give_up() {
  call_.reset();
  if (const Answer answer = std::exchange(answer_, nullptr)) answer(true);
}

}  // namespace preforkd
