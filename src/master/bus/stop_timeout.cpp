// SPDX-License-Identifier: MIT
#include "master/bus/stop_timeout.hpp"

#include <unistd.h>

#include <cstdint>
#include <string>

#include "base/time_span.hpp"
#include "master/base/log.hpp"
#include "master/bus/bus_choice.hpp"

namespace preforkd {
namespace {

constexpr const char* systemd = "org.freedesktop.systemd1";
constexpr std::uint64_t answer_timeout_usec = 25'000'000;

}  // namespace

StopTimeout::StopTimeout(sd_bus* bus, const PoolControl& control) : bus_(bus), control_(control) {
  if (is_service()) ask_for_unit();
}

void StopTimeout::ask_for_unit() {
  const NativeMessage call =
      native_call(bus_, systemd, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "GetUnitByPID");
  check_native(sd_bus_message_append(call.get(), "u", static_cast<std::uint32_t>(getpid())), "GetUnitByPID");
  call_ = send_native(bus_, call, native_handler<&StopTimeout::unit_known>, this, answer_timeout_usec);
}

void StopTimeout::unit_known(sd_bus_message* reply) {
  const char* path = nullptr;
  if (sd_bus_message_is_method_error(reply, nullptr) > 0 || sd_bus_message_read(reply, "o", &path) < 0) return;
  const NativeMessage call = native_call(bus_, systemd, path, "org.freedesktop.DBus.Properties", "Get");
  check_native(sd_bus_message_append(call.get(), "ss", "org.freedesktop.systemd1.Service", "TimeoutStopUSec"), "Get");
  call_ = send_native(bus_, call, native_handler<&StopTimeout::timeout_known>, this, answer_timeout_usec);
}

void StopTimeout::timeout_known(sd_bus_message* reply) {
  std::uint64_t usec = 0;
  if (sd_bus_message_is_method_error(reply, nullptr) > 0 || sd_bus_message_read(reply, "v", "t", &usec) < 0) return;
  if (usec < static_cast<std::uint64_t>(Duration::max().count())) timeout_ = Duration(usec);
  compare();
}

void StopTimeout::compare() {
  const Duration drain = control_.config().drain_timeout;
  if (!timeout_ || *timeout_ > drain || complained_ == drain) return;
  complained_ = drain;
  log::warning("TimeoutStopSec of the unit is " + format_time_span(*timeout_) + ", drain_timeout of the config is " +
               format_time_span(drain) + ": a stop would kill workers that still drain; let TimeoutStopSec be longer");
}

}  // namespace preforkd
