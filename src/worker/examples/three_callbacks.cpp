// SPDX-License-Identifier: MIT
// A minimal server: it echoes lines; "quit" closes the connection.
//   preforkd --listen 127.0.0.1:9505 --workers 3 -- ./example_three_callbacks
//   ./example_three_callbacks 127.0.0.1:9505
#include <prefork/server.hpp>

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  prefork::Server server;
  server.framing(prefork::Framing::lines());
  for (int i = 1; i < argc; ++i) server.listen(argv[i]);

  server.on_connect([](prefork::Connection& c) { std::printf("%s came\n", c.peer().c_str()); });
  server.on_message([](prefork::Connection& c, std::string_view line) {
    c.send({"received: ", line});
    if (line == "quit") c.close_after_flush();
  });
  server.on_close([](prefork::Connection& c, prefork::CloseReason why) {
    std::printf("%s left: %s\n", c.peer().c_str(), std::string(prefork::to_string(why)).c_str());
  });
  return server.run();
}
