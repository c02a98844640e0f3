// SPDX-License-Identifier: MIT
// A libprefork worker that talks to the others of its pool. It answers these lines:
//   who            "SLOT GENERATION PID"
//   roster         "SLOT.GENERATION …" of the others, in order
//   send SLOT TEXT what became of it: "sent", "no-worker" or "full"
//   all TEXT       to how many it is on its way
//   fill SLOT      sends 10 KB until one is refused, and then one more: how many were sent
//   got            the last text that came, "SLOT TEXT"
// With the setting "numbers" it also sends its next number to all others each millisecond:
//   hush           ends that; the last number
//   heard          "PID:N …": the last number of each other worker, and "gap" if one was lost
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prefork/server.hpp>

namespace {

using prefork::PoolWorker;
using prefork::SendResult;

std::string text(SendResult result) {
  if (result == SendResult::sent) return "sent";
  return result == SendResult::full ? "full" : "no-worker";
}

class Talker {
 public:
  explicit Talker(prefork::Server& server) : server_(server), speaks_(server.setting("numbers", false)) {
    server_.on_worker_message([this](const PoolWorker& from, std::string_view message) { hear(from, message); });
    server_.on_message([this](prefork::Connection& c, std::string_view line) { c.send(answer(std::string(line))); });
    if (speaks_) server_.every(std::chrono::milliseconds(1), [this] { say_number(); });
  }

 private:
  void say_number() {
    if (speaks_) server_.broadcast("#" + std::to_string(++said_));
  }

  void hear(const PoolWorker& from, std::string_view message) {
    if (message.empty() || message.front() != '#') {
      got_ = std::to_string(from.slot) + ' ' + std::string(message);
      return;
    }
    const std::uint64_t number = std::stoull(std::string(message.substr(1)));
    std::uint64_t& last = heard_[from.pid];
    lost_ = lost_ || (last != 0 && number != last + 1);
    last = number;
  }

  std::string answer(const std::string& line) {
    const auto begins = [&](std::string_view word) { return line.compare(0, word.size(), word) == 0; };
    const prefork::WorkerIdentity& own = server_.worker();
    if (line == "who") {
      return std::to_string(own.slot) + ' ' + std::to_string(own.generation) + ' ' + std::to_string(::getpid());
    }
    if (line == "roster") return roster();
    if (line == "got") return got_;
    if (line == "hush") {
      speaks_ = false;
      return std::to_string(said_);
    }
    if (line == "heard") return heard();
    if (begins("all ")) return std::to_string(server_.broadcast(line.substr(4)));
    const auto slot = static_cast<unsigned>(std::stoul(line.substr(5)));
    if (begins("send ")) return text(server_.send_to(slot, line.substr(line.find(' ', 5) + 1)));
    return begins("fill ") ? fill(slot) : "?";
  }

  std::string fill(unsigned slot) {
    const std::string much(10'000, 'x');
    int sent = 0;
    while (server_.send_to(slot, much) == SendResult::sent) ++sent;
    static_cast<void>(server_.send_to(slot, much));
    return std::to_string(sent);
  }

  std::string roster() const {
    std::vector<std::pair<unsigned, unsigned>> others;
    for (const PoolWorker& each : server_.other_workers()) others.emplace_back(each.slot, each.generation);
    std::sort(others.begin(), others.end());
    std::string all;
    for (const auto& [slot, generation] : others) {
      all += (all.empty() ? "" : " ") + std::to_string(slot) + '.' + std::to_string(generation);
    }
    return all;
  }

  std::string heard() const {
    std::string all = lost_ ? "gap " : "";
    for (const auto& [pid, number] : heard_) all += std::to_string(pid) + ':' + std::to_string(number) + ' ';
    return all;
  }

  prefork::Server& server_;
  bool speaks_;
  std::uint64_t said_ = 0;
  std::string got_;
  std::map<int, std::uint64_t> heard_;
  bool lost_ = false;
};

}  // namespace

int main() {
  prefork::Server server;
  server.framing(prefork::Framing::lines());
  const Talker talker(server);
  if (server.setting("adopt", false)) server.on_adopt([](prefork::Connection&, std::string_view) {});
  return server.run();
}
