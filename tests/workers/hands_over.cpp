// SPDX-License-Identifier: MIT
// Says what a worker says whose connections may move, but has none. Arguments: the fingerprint of its framing, or
// "silent" for a program that does not say Hello; then "flood", to send rubbish on its control channel as long as it
// lives. Lines on stdout tell what happens: "PID takes from PID", "PID seeks", "PID has no taker", "PID heard N".
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plain_worker.hpp"
#include "wire/control_message.hpp"
#include "wire/packet.hpp"

namespace {

using namespace preforkd;

constexpr std::uint32_t moved = 7;

void tell(const std::string& what) { plain_worker::write_line(STDOUT_FILENO, std::to_string(::getpid()) + " " + what); }

class Worker {
 public:
  Worker(int control, int signals, bool silent) : control_(control), signals_(signals), silent_(silent) {}

  [[noreturn]] void run() {
    for (;;) {
      std::vector<pollfd> waits{{signals_, POLLIN, 0}, {control_, POLLIN, 0}};
      for (const UniqueFd& pair : takes_) waits.push_back({pair.get(), POLLIN, 0});
      if (::poll(waits.data(), waits.size(), -1) < 0) std::abort();
      // What was sent before the stop signal is here when that is.
      hear();
      for (UniqueFd& pair : takes_) take(pair);
      std::erase_if(takes_, [](const UniqueFd& pair) { return !pair; });
      if (waits[0].revents != 0) leaving_ = true;
      if (leaving_) leave();
    }
  }

  void say(const control::Message& message) const {
    if (send_packet(control_, {control::encode(message).view()}) != PacketSent::sent) std::abort();
  }

 private:
  void hear() {
    std::array<char, 128> buffer;
    for (Packet packet; receive_packet(control_, buffer, packet) == PacketReceived::packet;) {
      ++heard_;
      const std::optional<control::Message> message = control::decode(packet.bytes);
      if (!message) continue;
      if (std::holds_alternative<control::Take>(*message)) takes_.push_back(std::move(packet.fd));
      if (std::holds_alternative<control::Give>(*message)) give_ = std::move(packet.fd);
      if (std::holds_alternative<control::NoTaker>(*message)) {
        tell("has no taker");
        ::_exit(0);
      }
    }
  }

  static void take(UniqueFd& pair) {
    std::array<char, 128> buffer;
    Packet packet;
    const PacketReceived received = receive_packet(pair.get(), buffer, packet);
    if (received == PacketReceived::packet) {
      tell("takes from " + std::string(packet.bytes));
      if (send_packet(pair.get(), {"taken"}) != PacketSent::sent) std::abort();
    }
    if (received == PacketReceived::ended) pair.reset();
  }

  void leave() {
    if (silent_) {
      tell("heard " + std::to_string(heard_));
      ::_exit(0);
    }
    if (give_) {
      if (send_packet(give_.get(), {std::to_string(::getpid())}) != PacketSent::sent) std::abort();
      pollfd answer{give_.get(), POLLIN, 0};
      if (::poll(&answer, 1, -1) != 1) std::abort();
      say(control::Gave{.moved = moved});
      ::_exit(0);
    }
    if (std::exchange(sought_, true)) return;
    tell("seeks");
    say(control::Seeks{moved});
    signals_ = -1;
  }

  const int control_;
  int signals_;
  std::vector<UniqueFd> takes_;
  UniqueFd give_;
  unsigned heard_ = 0;
  const bool silent_;
  bool leaving_ = false;
  bool sought_ = false;
};

[[noreturn]] void flood(int control) {
  const UniqueFd passed(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::string hello(control::encode(control::Hello{}).view());
  const std::string seeks(control::encode(control::Seeks{1}).view());
  const std::vector<std::string> rubbish{"",
                                         "x",
                                         hello,
                                         hello.substr(0, 9),
                                         std::string(100, '\xFF'),
                                         std::string(60000, 'A'),
                                         std::string(60000, '\0'),
                                         std::string(control::encode(control::Take{}).view()),
                                         std::string(control::encode(control::Give{}).view()),
                                         seeks};
  for (unsigned round = 0;; ++round) {
    for (const std::string& each : rubbish) {
      for (const int fd : {-1, passed.get()}) {
        while (send_packet(control, {each}, fd) == PacketSent::full) {
          pollfd room{control, POLLOUT, 0};
          ::poll(&room, 1, 1000);
        }
      }
    }
    if (round == 5) tell("flooded");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string framing = argc > 1 ? argv[1] : "1";
  const int control = std::atoi(plain_worker::environment("PREFORK_CONTROL_FD").c_str());
  const bool floods = argc > 2 && std::string(argv[2]) == "flood";
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  if (!floods) ::sigprocmask(SIG_BLOCK, &stop, nullptr);
  const bool silent = framing == "silent";
  Worker worker(control, ::signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK), silent);
  if (!silent) worker.say(control::Hello{.framing = std::strtoull(framing.c_str(), nullptr, 10)});
  plain_worker::notify("READY=1");
  if (floods) flood(control);
  worker.run();
}
