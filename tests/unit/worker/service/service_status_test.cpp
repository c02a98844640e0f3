// SPDX-License-Identifier: MIT
#include "worker/service/service_status.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <string>

#include "base/address.hpp"
#include "base/sanitized.hpp"
#include "base/unique_fd.hpp"

namespace prefork::internal {
namespace {

// With a status text that cannot be copied. The exit status is 0 if that harms nothing.
[[noreturn]] void run_without_memory(const std::string& notify_socket) {
  constexpr std::size_t size = std::size_t{64} << 20;
  EventLoop loop;
  TimerWheel wheel(loop.now());
  ServiceStatus status(loop, wheel, ServiceNotify::open(notify_socket).value(), "");
  status.set_text(std::string(size, 'x'));
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t room = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + size / 2;
  const rlimit limit{room, room};
  ::setrlimit(RLIMIT_AS, &limit);
  status.ready();
  status.update(1);
  status.stopping();
  ::_exit(0);
}

std::string receive(int fd) {
  char datagram[4096];
  const ssize_t size = ::recv(fd, datagram, sizeof datagram, MSG_DONTWAIT);
  return {datagram, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

TEST(ServiceStatusTest, without_memory_for_a_text_the_state_is_sent) {
  if (preforkd::is_sanitized) GTEST_SKIP() << "a sanitizer needs the address space";
  const std::string name = "@prefork-service-status-test-" + std::to_string(::getpid());
  const preforkd::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const preforkd::Address address = preforkd::parse_address(name).value();
  ASSERT_EQ(::bind(socket.get(), address.get(), address.length), 0);
  const pid_t child = ::fork();
  if (child == 0) run_without_memory(name);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(receive(socket.get()), "READY=1\nSTATUS=");
  EXPECT_EQ(receive(socket.get()), "STOPPING=1\nSTATUS=");
}

}  // namespace
}  // namespace prefork::internal
