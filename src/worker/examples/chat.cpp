// SPDX-License-Identifier: MIT
// A chat over all workers of a pool: the first line of a client is its name, each further one goes to all clients.
//   preforkd --listen 127.0.0.1:9505 --workers 3 -- ./example_chat
//   $ nc 127.0.0.1 9505
//   Ada
//   hello
//   Ada: hello
// A worker may be reloaded or killed meanwhile: its clients stay, and keep their names.
#include <prefork/server.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

int main(int argc, char** argv) {
  prefork::Server server;
  server.framing(prefork::Framing::lines());
  const std::chrono::milliseconds off(0);  // some only listen
  server.limits(prefork::Limits().max_message(60'000).idle_timeout(off).first_message_timeout(off));
  for (int i = 1; i < argc; ++i) server.listen(argv[i]);

  std::map<std::uint64_t, prefork::ConnectionRef> clients;  // of this worker
  const auto show = [&](std::string_view line) {
    for (const auto& [id, client] : clients) client.get()->send(line);
  };
  server.on_connect([&](prefork::Connection& c) { clients.emplace(c.id(), c); });
  server.on_close([&](prefork::Connection& c, prefork::CloseReason) { clients.erase(c.id()); });
  server.on_message([&](prefork::Connection& c, std::string_view line) {
    if (const auto* const name = c.data<std::string>()) {
      const std::string said = *name + ": " + std::string(line);
      show(said);
      server.broadcast(said);
    } else if (!line.empty() && line.size() <= 100) {
      c.set_data<std::string>(line);
      c.keep(line);  // for a worker that gets this connection
    }
  });
  server.on_worker_message([&](const prefork::PoolWorker&, std::string_view said) { show(said); });
  server.on_adopt([&](prefork::Connection& c, std::string_view name) {
    if (!name.empty()) c.set_data<std::string>(name);
    clients.emplace(c.id(), c);
  });
  return server.run();
}
