// SPDX-License-Identifier: MIT
// A chat: each line goes to all clients. The event loop also watches descriptors of the application: the server sends
// lines from standard input to all clients, and a timer reports the number of clients, also to the service manager.
//   ./example_watch_and_timer 127.0.0.1:9505
#include <prefork/server.hpp>

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>
#include <vector>

namespace {

class Room {
 public:
  void enter(prefork::Connection& c) { guests_.emplace_back(c); }

  void say(std::string_view who, std::string_view text) {
    // get() returns nullptr after the end of a connection; these are removed from the list.
    const auto gone = [&](const prefork::ConnectionRef& guest) {
      prefork::Connection* const c = guest.get();
      if (c != nullptr) c->send({who, ": ", text});
      return c == nullptr;
    };
    guests_.erase(std::remove_if(guests_.begin(), guests_.end(), gone), guests_.end());
  }

  [[nodiscard]] std::string size() const { return std::to_string(guests_.size()); }

 private:
  std::vector<prefork::ConnectionRef> guests_;
};

}  // namespace

int main(int argc, char** argv) {
  prefork::Server server;
  server.framing(prefork::Framing::lines());
  for (int i = 1; i < argc; ++i) server.listen(argv[i]);

  Room room;
  server.on_connect([&](prefork::Connection& c) { room.enter(c); });
  server.on_message([&](prefork::Connection& c, std::string_view line) { room.say(c.peer(), line); });

  prefork::WatchId input{};
  try {
    input = server.watch(STDIN_FILENO, EPOLLIN, [&](prefork::WatchEvents) {
      char text[1024];
      const ssize_t got = ::read(STDIN_FILENO, text, sizeof text);
      if (got <= 0) return server.unwatch(input);
      std::string_view line(text, static_cast<std::size_t>(got));
      if (line.back() == '\n') line.remove_suffix(1);
      room.say("the house", line);
    });
  } catch (const std::system_error&) {
    // Standard input is a file or closed, which epoll rejects: it is not watched.
  }
  server.every(std::chrono::minutes(1), [&] { server.status(room.size() + " have been here"); });
  return server.run();
}
