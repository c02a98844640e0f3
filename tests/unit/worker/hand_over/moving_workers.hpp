// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "unit/worker/server_process.hpp"
#include "wire/control_channel.hpp"
#include "wire/control_message.hpp"
#include "wire/packet.hpp"
#include "wire/stats_page.hpp"

// Workers whose connections move, with a test in the master's place.
namespace prefork::test {

namespace control = preforkd::control;
using std::chrono::milliseconds;

// "i am NAME" logs in, "who" asks for that name and the worker that answers. The login is what a successor has to know.
inline void add_logins(Server& server, const std::string& worker) {
  server.on_message([&server, worker](Connection& c, std::string_view line) {
    if (line.substr(0, 5) == "i am ") {
      c.set_data<std::string>(line.substr(5));
      c.keep(line.substr(5));
      return c.send({"hello ", line.substr(5)});
    }
    if (line == "later") {
      auto reply = std::make_shared<Reply>(c.defer());
      server.after(milliseconds(50), [reply] { reply->send("late"); });
      return;
    }
    if (line == "push") {
      server.after(milliseconds(1), [ref = ConnectionRef(c)] { ref.get()->send("pushed"); });
      return c.send("soon");
    }
    if (line == "pin") {
      c.pin();
      server.after(milliseconds(50), [ref = ConnectionRef(c)] { ref.get()->unpin(); });
      return c.send("pinned");
    }
    if (line == "much") return c.send(std::string(600'000, 'x'));
    const auto* const name = c.data<std::string>();
    c.send({name != nullptr ? *name : "nobody", " at ", worker});
  });
  server.on_adopt([](Connection& c, std::string_view state) { c.set_data<std::string>(state); });
}

// It dies when it adopts the connection with this state.
inline std::function<void(Server&)> dies_of(const std::string& poison) {
  return [poison](Server& server) {
    server.on_adopt([poison](Connection& c, std::string_view state) {
      if (state == poison) ::raise(SIGKILL);
      c.set_data<std::string>(state);
    });
  };
}

// One worker, and the master's end of its control channel.
class Worker {
 public:
  Worker(const Listener& listener, const std::string& name, std::function<void(Server&)> more = {},
         std::vector<std::pair<std::string, std::string>> environment = {})
      : channel_(preforkd::ControlChannel::open().value()),
        stats_(preforkd::make_stats_memfd("test").value()),
        page_(preforkd::StatsMapping::map(stats_.get(), false).value()),
        process_(start(listener, name, std::move(more), std::move(environment))) {
    channel_.worker_end.reset();
  }

  // The next message; fails the test after `patience`, or `time`.
  std::optional<control::Message> next(milliseconds time = patience) {
    std::array<char, 64> buffer{};
    preforkd::Packet packet;
    if (!wait_for(channel_.master_end.get(), POLLIN, time)) return std::nullopt;
    if (preforkd::receive_packet(channel_.master_end.get(), buffer, packet) != preforkd::PacketReceived::packet) {
      return std::nullopt;
    }
    return control::decode(packet.bytes);
  }
  template <class T>
  T expect() {
    const auto message = next();
    if (!message || !std::holds_alternative<T>(*message)) {
      const std::string got = message ? "of type " + std::to_string(message->index()) : "none";
      throw std::runtime_error("another message was expected, this one is " + got);
    }
    return std::get<T>(*message);
  }
  void say(const control::Message& message, int fd = -1) { ASSERT_TRUE(hears(message, fd)); }
  // False: it and its keeper have ended.
  [[nodiscard]] bool hears(const control::Message& message, int fd) {
    return preforkd::send_packet(channel_.master_end.get(), {control::encode(message).view()}, fd) ==
           preforkd::PacketSent::sent;
  }
  void forsake() { channel_.master_end.reset(); }
  [[nodiscard]] const ServerProcess& process() const { return process_; }
  [[nodiscard]] ServerProcess& process() { return process_; }
  [[nodiscard]] const preforkd::StatsPage& page() const { return *page_.get(); }

 private:
  ServerProcess start(const Listener& listener, const std::string& name, std::function<void(Server&)> more,
                      std::vector<std::pair<std::string, std::string>> environment) {
    environment.emplace_back("PREFORK_CONTROL_FD", std::to_string(channel_.worker_end.get()));
    environment.emplace_back("PREFORK_STATS_FD", std::to_string(stats_.get()));
    const auto setup = [name, more = std::move(more)](Server& server) {
      add_logins(server, name);
      if (more) more(server);
    };
    return ServerProcess(Start{{listener.fd.get()}, environment, setup, [this] { channel_.master_end.reset(); }});
  }

  preforkd::ControlChannel channel_;
  preforkd::UniqueFd stats_;
  preforkd::StatsMapping page_;
  ServerProcess process_;
};

// False: the giver has ended.
[[nodiscard]] inline bool may_introduce(Worker& giver, Worker& taker, std::uint32_t max) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    throw std::runtime_error("socketpair");
  }
  const preforkd::UniqueFd takers(ends[0]);
  const preforkd::UniqueFd givers(ends[1]);
  taker.say(control::Take{}, takers.get());
  return giver.hears(control::Give{max}, givers.get());
}

inline void introduce(Worker& giver, Worker& taker, std::uint32_t max = 0) {
  ASSERT_TRUE(may_introduce(giver, taker, max));
}

[[nodiscard]] inline std::uint32_t refused(const control::Gave& gave, preforkd::transfer::Refusal reason) {
  return gave.refused[static_cast<std::size_t>(reason)];
}

// Clients of the only worker, each logged in.
inline std::vector<TestClient> log_in(const Listener& listener, int count) {
  std::vector<TestClient> clients;
  for (int i = 0; i < count; ++i) {
    clients.emplace_back(listener.address);
    clients.back().send("i am " + std::to_string(i) + "\n");
    EXPECT_EQ(clients.back().line(), "hello " + std::to_string(i));
  }
  return clients;
}

// Until the worker sleeps: then nothing of a client that has its reply is in its hands.
inline void await_rest(const Worker& worker) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const std::string file = "/proc/" + std::to_string(worker.process().pid()) + "/stat";
  for (;;) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    const std::string stat = text.str();
    if (stat.substr(stat.rfind(')') + 2, 1) == "S") return;
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("the worker does not sleep");
    ::sched_yield();
  }
}

inline void expect_served_by(std::vector<TestClient>& clients, const std::string& worker) {
  for (TestClient& client : clients) client.send("who\n");
  for (std::size_t i = 0; i < clients.size(); ++i) {
    EXPECT_EQ(clients[i].line(), std::to_string(i) + " at " + worker);
  }
}

inline Worker start_taker(const Listener& listener, const std::string& name, std::function<void(Server&)> more = {}) {
  Worker worker(listener, name, std::move(more));
  worker.expect<control::Hello>();
  return worker;
}

}  // namespace prefork::test
