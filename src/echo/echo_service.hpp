// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <prefork/server.hpp>

#include "echo/log.hpp"

namespace preforkd::echo {

// Answers each line with "received: <line>"; answers "quit", too, then closes the connection. Logs connects and closes
// unless the setting log_connections is false, and messages if log_messages is true.
class EchoService {
 public:
  // Sets the callbacks of `server`, which must not run longer than this object lives.
  explicit EchoService(prefork::Server& server);
  EchoService(const EchoService&) = delete;
  EchoService& operator=(const EchoService&) = delete;

 private:
  void on_connect(prefork::Connection& connection);
  void on_close(prefork::Connection& connection, prefork::CloseReason why);
  void log_message(const prefork::Connection& connection, std::string_view line);
  static void answer(prefork::Connection& connection, std::string_view line);

  Log log_;
};

}  // namespace preforkd::echo
