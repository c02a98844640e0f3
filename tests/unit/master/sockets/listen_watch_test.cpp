// SPDX-License-Identifier: MIT
#include "master/sockets/listen_watch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "master/base/log.hpp"

namespace preforkd {
namespace {

ListenSockets one_socket() {
  PoolConfig config;
  config.name = "echo";
  ListenConfig& entry = config.listen.emplace_back();
  entry.text = "127.0.0.1:0";
  entry.address = parse_address(entry.text).value();
  return ListenSockets::open(config);
}

// While it exists, this process can't open another descriptor.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    const UniqueFd lowest(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{static_cast<rlim_t>(lowest.get()), before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoMoreDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;

 private:
  rlimit before_{};
};

// It is called during the commit of a reload, which can't be undone.
TEST(ListenWatchTest, without_descriptors_it_watches_nothing_and_says_so) {
  log::open(log::Sink::prefixed, log::Level::info);
  const ListenSockets sockets = one_socket();
  EventLoop loop;
  ListenWatch watch(loop);
  testing::internal::CaptureStderr();
  {
    const NoMoreDescriptors none;
    EXPECT_NO_THROW(watch.watch(sockets));
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("<4>" + sockets.addresses().front() + ": cannot be watched: "), std::string::npos) << said;
}

}  // namespace
}  // namespace preforkd
