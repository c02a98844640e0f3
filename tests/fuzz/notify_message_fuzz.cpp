// SPDX-License-Identifier: MIT
// A datagram of a worker: nothing in it can hurt the master, and what is taken from it fits one line of a log.
#include "master/process/notify_message.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view datagram(reinterpret_cast<const char*>(data), size);
  const auto message = preforkd::parse_notify_message(datagram);
  if (!message) {
    require(!message.error().text.empty(), "a failure has a reason");
    return 0;
  }
  require(size <= preforkd::max_notify_bytes, "an oversized datagram does not count");
  if (message->status) {
    const std::string_view status = *message->status;
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    require(std::none_of(status.begin(), status.end(), is_control), "a status is one line without controls");
  }
  if (message->watchdog) require(message->watchdog->count() >= 0, "a watchdog time is not negative");
  if (message->extend_timeout) require(message->extend_timeout->count() >= 0, "an extension is not negative");
  return 0;
}
