// SPDX-License-Identifier: MIT
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <system_error>

#include "master/base/log.hpp"

namespace preforkd {

// libsystemd's sd-bus, for what sdbus-c++ does not offer: objects with an owner, errors as exceptions.
struct UnrefNative {
  void operator()(sd_bus* bus) const noexcept { sd_bus_close_unref(bus); }
  void operator()(sd_bus_slot* slot) const noexcept { sd_bus_slot_unref(slot); }
  void operator()(sd_bus_message* message) const noexcept { sd_bus_message_unref(message); }
};
using NativeBus = std::unique_ptr<sd_bus, UnrefNative>;
using NativeSlot = std::unique_ptr<sd_bus_slot, UnrefNative>;  // destroying it cancels a call without an answer
using NativeMessage = std::unique_ptr<sd_bus_message, UnrefNative>;

// `result` of a function of sd-bus; throws a std::system_error that names `what` if it is negative.
inline void check_native(int result, const char* what) {
  if (result < 0) throw std::system_error(-result, std::generic_category(), what);
}

[[nodiscard]] inline NativeMessage native_call(sd_bus* bus, const char* service, const char* path,
                                               const char* interface, const char* method) {
  sd_bus_message* message = nullptr;
  check_native(sd_bus_message_new_method_call(bus, &message, service, path, interface, method), method);
  return NativeMessage(message);
}

// A handler for sd-bus that calls a member function with the message. Logs what that throws: it must not unwind the
// library's frames.
template <auto Member>
struct MemberOf;
template <class Class, void (Class::*Member)(sd_bus_message*)>
struct MemberOf<Member> {
  static int handle(sd_bus_message* message, void* self, sd_bus_error*) noexcept {
    try {
      (static_cast<Class*>(self)->*Member)(message);
    } catch (const std::exception& error) {
      log::error(std::string("internal error, a message of the bus was not fully handled: ") + error.what());
    }
    return 0;
  }
};
template <auto Member>
inline constexpr sd_bus_message_handler_t native_handler = MemberOf<Member>::handle;

// Sends a call. The loop calls `on_reply` with `data` and the answer or the error, unless the slot was destroyed.
[[nodiscard]] inline NativeSlot send_native(sd_bus* bus, const NativeMessage& call, sd_bus_message_handler_t on_reply,
                                            void* data, std::uint64_t timeout_usec) {
  sd_bus_slot* slot = nullptr;
  check_native(sd_bus_call_async(bus, &slot, call.get(), on_reply, data, timeout_usec),
               sd_bus_message_get_member(call.get()));
  return NativeSlot(slot);
}

}  // namespace preforkd
