// SPDX-License-Identifier: MIT
#pragma once

#include <prefork/server.hpp>

namespace preforkd::echo {

// Makes `server` answer each line with "received: <line>"; it answers "quit", too, then closes the connection. It logs
// connects and closes unless the setting log_connections is false, and messages if log_messages is true.
void serve_echo(prefork::Server& server);

}  // namespace preforkd::echo
