// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>

namespace prefork {
inline namespace v0 {

// What one worker allows its clients. Each field can be set in the pool's config under "settings" by the same name
// ("max_message": "64K", "idle_timeout": "5min", a time-out of "off" disables it), which overrides what the program
// sets. When a limit is hit, the connection's CloseReason or the log says so.
struct Limits {
  std::size_t max_message = 64 * 1024;  // bytes of one message without its framing; 1…1 GiB
  std::size_t max_connections = 10000;  // of one worker; at the limit it stops accepting and other workers take over
  std::size_t output_high_mark = 256 * 1024;  // bytes of unsent output above which a connection's input is not read
  // From the last message (or the accept) to the next message's first byte; 0: off.
  std::chrono::milliseconds idle_timeout{300000};
  std::chrono::milliseconds message_timeout{30000};  // from a message's first byte to its last; 0: off
  std::chrono::milliseconds write_timeout{30000};    // without progress of unsent output; 0: off
  // How long a draining worker waits for its last connections; 0: until the master kills it. Connections with nothing
  // in hand then end with CloseReason::drained, the others with CloseReason::drain_timeout.
  std::chrono::milliseconds drain_timeout{0};
  // Draining closes a connection as soon as it has nothing in hand: no reply owed, no output unsent, no message begun.
  // false: it is served on until the client closes it or drain_timeout ends it, as long as there is a master.
  // ("drain_idle": "close" | "keep")
  bool drain_idle_at_once = true;
  // A client that was accepted less than this before, and has sent nothing yet, is not idle: a draining worker waits
  // for its first message. 0: it is closed like an idle one.
  std::chrono::milliseconds first_message_grace{1000};
};

}  // namespace v0
}  // namespace prefork
