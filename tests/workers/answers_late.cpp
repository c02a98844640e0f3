// SPDX-License-Identifier: MIT
// A libprefork worker that answers each line twice: "wait" at once, and a while later "late: LINE".
#include <chrono>
#include <memory>
#include <string>

#include <prefork/server.hpp>

int main() {
  prefork::Server server;
  server.framing(prefork::Framing::lines());
  server.on_message([&server](prefork::Connection& connection, std::string_view line) {
    connection.send("wait");
    const auto reply = std::make_shared<prefork::Reply>(connection.defer());
    server.after(std::chrono::milliseconds(150), [reply, text = "late: " + std::string(line)] { reply->send(text); });
  });
  return server.run();
}
