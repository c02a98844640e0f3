// SPDX-License-Identifier: MIT
// A server for its worst clients. A line is answered "received: LINE" after `handler_us` microseconds of work; "x"
// takes as long and is not answered. "feed" makes the client a reader of a feed of 1 MiB each 10 ms.
#include <prefork/server.hpp>

#include <chrono>
#include <string>
#include <vector>

int main() {
  prefork::Server server;
  const auto work = std::chrono::microseconds(server.setting("handler_us", 10));
  std::vector<prefork::ConnectionRef> readers;
  const std::string block(1 << 20, 'f');
  server.framing(prefork::Framing::lines());
  server.on_message([&](prefork::Connection& connection, std::string_view line) {
    const auto end = std::chrono::steady_clock::now() + work;
    while (std::chrono::steady_clock::now() < end) {
    }
    if (line == "feed") {
      readers.emplace_back(connection);
    } else if (line != "x") {
      connection.send({"received: ", line});
    }
  });
  server.on_worker_start([&] {
    server.every(std::chrono::milliseconds(10), [&] {
      for (const prefork::ConnectionRef& reader : readers) {
        if (prefork::Connection* const connection = reader.get()) connection->send(block);
      }
    });
  });
  return server.run();
}
