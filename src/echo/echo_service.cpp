// SPDX-License-Identifier: MIT
#include "echo/echo_service.hpp"

#include "echo/escape.hpp"

namespace preforkd::echo {

EchoService::EchoService(prefork::Server& server) : log_(server.worker()) {
  server.framing(prefork::Framing::lines());
  if (server.setting("log_messages", false)) {
    server.on_message([this](prefork::Connection& connection, std::string_view line) {
      log_message(connection, line);
      answer(connection, line);
    });
  } else {
    server.on_message(answer);
  }
  if (!server.setting("log_connections", true)) return;
  server.on_connect([this](prefork::Connection& connection) { on_connect(connection); });
  server.on_close([this](prefork::Connection& connection, prefork::CloseReason why) { on_close(connection, why); });
}

void EchoService::on_connect(prefork::Connection& connection) { log_.line({connection.peer(), " connected"}); }

void EchoService::log_message(const prefork::Connection& connection, std::string_view line) {
  log_.line({connection.peer(), " sent \"", escape(line), "\""});
}

void EchoService::answer(prefork::Connection& connection, std::string_view line) {
  connection.send({"received: ", line});
  if (line == "quit") connection.close_after_flush();
}

void EchoService::on_close(prefork::Connection& connection, prefork::CloseReason why) {
  log_.line({connection.peer(), " closed: ", prefork::to_string(why)});
}

}  // namespace preforkd::echo
