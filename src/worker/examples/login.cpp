// SPDX-License-Identifier: MIT
// Clients log in once and stay logged in, whatever happens to the worker that serves them.
//   preforkd --listen 127.0.0.1:9505 --workers 3 --set settings.greeting=Welcome -- ./example_login
//   $ nc 127.0.0.1 9505
//   i am Ada
//   Welcome, Ada (worker 1)
// Now reload the pool (kill -HUP), or kill -9 that worker, and continue in the same nc:
//   who am i
//   Ada (worker 2)
#include <prefork/server.hpp>

#include <string>
#include <string_view>

int main(int argc, char** argv) {
  prefork::Server server;
  server.framing(prefork::Framing::lines());
  for (int i = 1; i < argc; ++i) server.listen(argv[i]);
  const std::string greeting = server.setting("greeting", "Welcome");
  const std::string worker = " (worker " + std::to_string(server.worker().slot) + ")";

  server.on_message([&](prefork::Connection& c, std::string_view line) {
    constexpr std::string_view login = "i am ";
    if (line.substr(0, login.size()) == login) {
      const std::string_view name = line.substr(login.size());
      c.set_data<std::string>(name);
      c.keep(name);  // for a worker that gets this connection
      return c.send({greeting, ", ", name, worker});
    }
    const auto* const name = c.data<std::string>();
    c.send({name != nullptr ? *name : "I don't know you", worker});
  });
  server.on_adopt([](prefork::Connection& c, std::string_view kept) {
    if (!kept.empty()) c.set_data<std::string>(kept);
  });
  return server.run();
}
