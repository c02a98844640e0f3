// SPDX-License-Identifier: MIT
// A ready worker that pings its master (WATCHDOG=1) eight times as often as it must, and answers lines:
//   pings             how many pings it has sent
//   stop pinging      sends no more pings, and continues to answer
//   clock             the time of day, in seconds
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "plain_worker.hpp"

namespace {

std::atomic<bool> pinging = true;
std::atomic<unsigned> pings = 0;

// Drops a ping if the master's queue is full: the master has older ones to read.
void ping_for_ever(std::chrono::milliseconds interval) {
  const int socket = plain_worker::connect_to_master();
  while (pinging) {
    ::send(socket, "WATCHDOG=1", 10, MSG_DONTWAIT | MSG_NOSIGNAL);
    ++pings;
    ::poll(nullptr, 0, static_cast<int>(interval.count()));
  }
}

std::string answer(const std::string& line) {
  if (line == "pings") return std::to_string(pings);
  if (line == "clock") return std::to_string(::time(nullptr));
  if (line == "stop pinging") pinging = false;
  return line;
}

}  // namespace

int main() {
  const std::chrono::microseconds timeout(std::stoll(plain_worker::environment("WATCHDOG_USEC")));
  std::thread(ping_for_ever, std::chrono::duration_cast<std::chrono::milliseconds>(timeout / 8)).detach();
  plain_worker::notify("READY=1");
  for (std::string line;;) {
    const int fd = plain_worker::accept_blocking();
    while (fd >= 0 && plain_worker::read_line(fd, line)) plain_worker::write_line(fd, answer(line));
    ::close(fd);
  }
}
