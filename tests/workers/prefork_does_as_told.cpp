// SPDX-License-Identifier: MIT
// A libprefork worker that answers each line with "SLOT PID: LINE", and obeys some of them:
//   grow MIB     allocates this much memory, and keeps it
//   block        its handler never returns
//   shutdown     shuts its listening socket down, which ends it for all holders
//   block deaf   the same, and ignores SIGABRT
//   toil         works for 50 microseconds, and is not answered
//   job          adds 2 to its counter "jobs_done"
//   quota        its connection is closed for the reason "quota-exceeded", after the reply
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include <prefork/server.hpp>

namespace {

void toil() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
  while (std::chrono::steady_clock::now() < end) {
  }
}

[[noreturn]] void block() {
  for (;;) ::pause();
}

void act(const std::string& line) {
  static std::vector<std::string> kept;
  if (line.starts_with("grow ")) kept.emplace_back(std::stoul(line.substr(5)) * 1024 * 1024, 'x');
  constexpr int listener = 3;
  if (line == "shutdown") ::shutdown(listener, SHUT_RDWR);
  if (line == "block deaf") ::signal(SIGABRT, SIG_IGN);
  if (line.starts_with("block")) block();
}

}  // namespace

int main() {
  prefork::Server server;
  server.framing(prefork::Framing::lines());
  const std::string name = std::to_string(server.worker().slot) + " " + std::to_string(::getpid()) + ": ";
  const prefork::Counter jobs = server.counter("jobs_done");
  const prefork::CloseReason quota = server.close_reason("quota-exceeded");
  server.on_message([name, jobs, quota](prefork::Connection& connection, std::string_view line) {
    if (line == "toil") return toil();
    act(std::string(line));
    if (line == "job") jobs.add(2);
    connection.send({name, line});
    if (line == "quota") connection.close_after_flush(quota);
  });
  if (server.setting("adopt", false)) server.on_adopt([](prefork::Connection&, std::string_view) {});
  return server.run();
}
