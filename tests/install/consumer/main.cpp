// SPDX-License-Identifier: MIT
// Greets each line. Listens on the address given, unless preforkd or systemd passed sockets.
#include <prefork/server.hpp>

#include <string_view>

int main(int argc, char** argv) {
  prefork::Server server;
  server.framing(prefork::Framing::lines());
  if (argc > 1) server.listen(argv[1]);
  server.on_message([](prefork::Connection& client, std::string_view line) {
    client.send({"hello, ", line});
    client.close_after_flush();
  });
  return server.run();
}
