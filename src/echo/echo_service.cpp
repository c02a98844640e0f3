// SPDX-License-Identifier: MIT
#include "echo/echo_service.hpp"

#include <string_view>

#include <prefork/log.hpp>

namespace preforkd::echo {
namespace {

using prefork::LogLevel;

void answer(prefork::Connection& connection, std::string_view line) {
  connection.send({"received: ", line});
  if (line == "quit") connection.close_after_flush();
}

void log_and_answer(prefork::Connection& connection, std::string_view line) {
  prefork::log(LogLevel::info, {connection.peer(), " sent \"", prefork::escape(line), "\""});
  answer(connection, line);
}

void log_connect(prefork::Connection& connection) { prefork::log(LogLevel::info, {connection.peer(), " connected"}); }

void log_close(prefork::Connection& connection, prefork::CloseReason why) {
  prefork::log(LogLevel::info, {connection.peer(), " closed: ", prefork::to_string(why)});
}

}  // namespace

void serve_echo(prefork::Server& server) {
  server.framing(prefork::Framing::lines());
  server.on_message(server.setting("log_messages", false) ? log_and_answer : answer);
  server.on_adopt([](prefork::Connection&, std::string_view) {});  // it knows nothing of its clients
  if (!server.setting("log_connections", true)) return;
  server.on_connect(log_connect);
  server.on_close(log_close);
}

}  // namespace preforkd::echo
