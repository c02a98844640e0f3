// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>

namespace prefork {
inline namespace v0 {

// The limits of one worker for its clients. "settings" in the pool's config may set each field under the same name
// ("max_message": "64K", "idle_timeout": "5min"; "off" disables a timeout). That overrides what the program sets. When
// a limit is reached, the CloseReason of the connection or the log says so.
struct Limits {
  std::size_t max_message = 64 * 1024;  // bytes of a message without its framing; 1…1 GiB
  std::size_t max_connections =
      10000;  // per worker; at the limit it stops accepting and other workers accept new connections
  std::size_t output_high_mark = 256 * 1024;  // bytes of unsent output above which input is not read
  // From the last message (or the accept) to the first byte of the next one; 0: off.
  std::chrono::milliseconds idle_timeout{300000};
  std::chrono::milliseconds message_timeout{30000};  // from the first byte of a message to its last; 0: off
  std::chrono::milliseconds write_timeout{30000};    // with unsent output and none of it written; 0: off
  // How long a draining worker waits for its last connections; 0: until the master kills it. After that, connections
  // without a pending request close with CloseReason::drained, the others with CloseReason::drain_timeout.
  std::chrono::milliseconds drain_timeout{0};
  // true: a draining worker closes a connection as soon as it has no pending request: no reply owed, no output unsent,
  // no message begun. false: it continues to serve the connection until the client closes it or drain_timeout is over,
  // as long as the master is alive. ("drain_idle": "close" | "keep")
  bool drain_idle_at_once = true;
  // A draining worker waits this long, from the accept, for the first message of a client that has sent nothing yet.
  // 0: it closes such a connection like an idle one.
  std::chrono::milliseconds first_message_grace{1000};
};

}  // namespace v0
}  // namespace prefork
