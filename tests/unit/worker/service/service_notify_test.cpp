// SPDX-License-Identifier: MIT
#include "worker/service/service_notify.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "base/address.hpp"
#include "base/unique_fd.hpp"

namespace {

using prefork::internal::ServiceNotify;
using preforkd::UniqueFd;
using namespace std::chrono_literals;
using namespace std::string_literals;

// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() {
    if (mkdtemp(name_.data()) == nullptr) throw std::runtime_error("mkdtemp");
  }
  ~Folder() {
    unlink(socket_path().c_str());
    rmdir(name_.c_str());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string socket_path() const { return name_ + "/notify"; }

 private:
  std::string name_ = "/tmp/service_notify_test.XXXXXX";
};

// The service manager's end.
class Manager {
 public:
  explicit Manager(const std::string& name) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const auto address = preforkd::parse_address(name);
    if (!address || bind(fd_.get(), address->get(), address->length) != 0) throw std::runtime_error("bind " + name);
  }
  // The next datagram, "(none)" if there is none.
  [[nodiscard]] std::string take() const {
    std::string datagram(8192, '\0');
    const ssize_t got = recv(fd_.get(), datagram.data(), datagram.size(), 0);
    if (got < 0) return "(none)";
    datagram.resize(static_cast<std::size_t>(got));
    return datagram;
  }

 private:
  UniqueFd fd_;
};

std::string abstract_name(const char* test) { return "@service_notify_test/" + std::to_string(getpid()) + "/" + test; }

ServiceNotify open_notify(const std::string& name) {
  auto notify = ServiceNotify::open(name);
  if (!notify) throw std::runtime_error(notify.error().text);
  return std::move(*notify);
}

TEST(ServiceNotify, says_each_thing_in_one_datagram) {
  const std::string name = abstract_name("all");
  const Manager manager(name);
  ServiceNotify notify = open_notify(name);
  EXPECT_TRUE(notify.connected());
  EXPECT_EQ(notify.ready("0 connections"), 0);
  EXPECT_EQ(manager.take(), "READY=1\nSTATUS=0 connections");
  EXPECT_EQ(notify.status("12 connections"), 0);
  EXPECT_EQ(manager.take(), "STATUS=12 connections");
  EXPECT_EQ(notify.alive(), 0);
  EXPECT_EQ(manager.take(), "WATCHDOG=1");
  EXPECT_EQ(notify.stopping("draining"), 0);
  EXPECT_EQ(manager.take(), "STOPPING=1\nSTATUS=draining");
  EXPECT_EQ(manager.take(), "(none)");
}

TEST(ServiceNotify, reaches_a_socket_by_its_path) {
  const Folder folder;
  const Manager manager(folder.socket_path());
  EXPECT_EQ(open_notify(folder.socket_path()).alive(), 0);
  EXPECT_EQ(manager.take(), "WATCHDOG=1");
}

TEST(ServiceNotify, a_status_cannot_say_anything_else) {
  const std::string name = abstract_name("status");
  const Manager manager(name);
  ServiceNotify notify = open_notify(name);
  EXPECT_EQ(notify.status("serving\nSTOPPING=1\n\0MAINPID=1"s), 0);
  EXPECT_EQ(manager.take(), "STATUS=serving\\nSTOPPING=1\\n\\x00MAINPID=1");
  EXPECT_EQ(notify.status(std::string(100'000, '\n')), 0);
  const std::string longest = manager.take();
  EXPECT_LT(longest.size(), 4096U);
  EXPECT_EQ(longest.find('\n'), std::string::npos);
}

TEST(ServiceNotify, without_a_service_manager_every_call_does_nothing) {
  ServiceNotify notify = open_notify("");
  EXPECT_FALSE(notify.connected());
  EXPECT_EQ(notify.ready("x"), 0);
  EXPECT_EQ(notify.status("x"), 0);
  EXPECT_EQ(notify.alive(), 0);
  EXPECT_EQ(notify.stopping("x"), 0);
}

TEST(ServiceNotify, a_missing_manager_does_no_harm_and_a_new_one_is_found) {
  const Folder folder;
  ServiceNotify notify = open_notify(folder.socket_path());
  EXPECT_EQ(notify.alive(), ENOENT);
  { const Manager gone(folder.socket_path()); }
  EXPECT_EQ(notify.alive(), ECONNREFUSED);
  unlink(folder.socket_path().c_str());
  const Manager next(folder.socket_path());
  EXPECT_EQ(notify.alive(), 0);
  EXPECT_EQ(next.take(), "WATCHDOG=1");
}

TEST(ServiceNotify, a_full_queue_does_not_block_the_worker) {
  const std::string name = abstract_name("full");
  const Manager manager(name);
  ServiceNotify notify = open_notify(name);
  int error = 0;
  for (int i = 0; i < 100'000 && error == 0; ++i) error = notify.alive();
  EXPECT_EQ(error, EAGAIN);
  EXPECT_EQ(notify.status("x"), EAGAIN);
  EXPECT_EQ(notify.stopping("x"), EAGAIN);
}

// Whether a thread of this process waits for something.
bool is_asleep(pid_t thread) {
  std::ifstream stream("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string stat;
  std::getline(stream, stat);
  const std::size_t state = stat.rfind(") ");
  return state != std::string::npos && stat[state + 2] == 'S';
}

TEST(ServiceNotify, ready_waits_for_a_place_in_the_queue) {
  const std::string name = abstract_name("ready");
  const Manager manager(name);
  ServiceNotify notify = open_notify(name);
  while (notify.alive() == 0) {
  }
  std::atomic<pid_t> thread{0};
  std::future<int> ready = std::async(std::launch::async, [&] {
    thread = gettid();
    return notify.ready("");
  });
  const auto deadline = std::chrono::steady_clock::now() + 900ms;
  while (!is_asleep(thread) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(manager.take(), "WATCHDOG=1");
  EXPECT_EQ(ready.get(), 0);
  std::string last;
  for (std::string datagram = manager.take(); datagram != "(none)"; datagram = manager.take()) last = datagram;
  EXPECT_EQ(last, "READY=1\nSTATUS=");
}

TEST(ServiceNotify, ready_gives_up_after_a_second) {
  const std::string name = abstract_name("never");
  const Manager manager(name);
  ServiceNotify notify = open_notify(name);
  while (notify.alive() == 0) {
  }
  EXPECT_EQ(notify.ready(""), EAGAIN);
}

TEST(ServiceNotify, refuses_a_name_that_is_no_unix_socket) {
  const auto vsock = ServiceNotify::open("vsock:2:1234");
  ASSERT_FALSE(vsock);
  EXPECT_EQ(vsock.error().text, "vsock:2:1234 is neither a path nor '@' and a name");
  EXPECT_FALSE(ServiceNotify::open("/" + std::string(200, 'x')));
  EXPECT_FALSE(ServiceNotify::open("@"));
}

TEST(ServiceNotify, its_descriptor_is_not_inherited) {
  const UniqueFd lowest(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int next = [&] {
    const UniqueFd probe(open("/dev/null", O_RDONLY | O_CLOEXEC));
    return probe.get();
  }();
  const ServiceNotify notify = open_notify("@x");
  EXPECT_EQ(fcntl(next, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

}  // namespace
