// SPDX-License-Identifier: MIT
#include "master/scale/load_sensor.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "base/listener.hpp"

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LoadSensorTest : public ::testing::TestWithParam<std::string> {
 protected:
  LoadSensorTest()
      : listener_(open_listener(parse_address(GetParam()).value()).value()),
        address_(check_listener(listener_.fd.get()).value()) {
    ListenSockets::Open open;
    open.fd = listener_.fd.get();
    open.address = address_;
    sensor_.watch({open});
  }

  UniqueFd client() {
    UniqueFd fd(socket(address_.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fd.get(), address_.get(), address_.length), 0);
    return fd;
  }
  void accept_one() { EXPECT_TRUE(UniqueFd(accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC))); }

  // Turns of the loop until it has had nothing to do for `time`, or does not come to rest.
  int reports(Duration time) {
    reports_ = 0;
    while (loop_.run_once(time) && reports_ < 100) {
    }
    return reports_;
  }

  int reports_ = 0;
  EventLoop loop_;
  Listener listener_;
  Address address_;
  LoadSensor sensor_{loop_, [this] { ++reports_; }};
};

TEST_P(LoadSensorTest, reports_a_client_once_though_it_waits_on) {
  EXPECT_EQ(reports(milliseconds(20)), 0);
  const UniqueFd waits = client();
  loop_.run_once(seconds(10));
  EXPECT_EQ(reports_, 1);
  EXPECT_LE(reports(2 * LoadSensor::min_interval), 1) << "the end of the interval may report it again, once";
  EXPECT_EQ(reports(2 * LoadSensor::min_interval), 0);
}

TEST_P(LoadSensorTest, counts_the_clients_that_wait) {
  EXPECT_EQ(sensor_.waiting().clients, 0U);
  const UniqueFd first = client();
  const UniqueFd second = client();
  EXPECT_EQ(sensor_.waiting().clients, 2U);
  accept_one();
  EXPECT_EQ(sensor_.waiting().clients, 1U);
  accept_one();
  EXPECT_EQ(sensor_.waiting().clients, 0U);
}

// In the strict sandbox, too, there is no socket for the question. Here there is no descriptor for it.
TEST_P(LoadSensorTest, says_if_it_cannot_count_the_clients) {
  const UniqueFd first = client();
  const UniqueFd second = client();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const LoadSensor::Waiting waiting = sensor_.waiting();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  const bool is_unix = address_.family() == AF_UNIX;
  EXPECT_EQ(waiting.clients, is_unix ? 1U : 2U);
  EXPECT_EQ(waiting.or_more, is_unix);
  EXPECT_FALSE(sensor_.waiting().or_more);
}

TEST_P(LoadSensorTest, reports_many_clients_at_most_once_in_an_interval) {
  std::vector<UniqueFd> clients;
  const auto end = std::chrono::steady_clock::now() + LoadSensor::min_interval / 2;
  reports_ = 0;
  while (std::chrono::steady_clock::now() < end && clients.size() < 500) {
    clients.push_back(client());
    loop_.run_once(milliseconds(0));
  }
  EXPECT_GT(clients.size(), 1U);
  EXPECT_EQ(reports_, 1);
}

// A worker that waits with EPOLLEXCLUSIVE is woken although the sensor is, too.
TEST_P(LoadSensorTest, takes_no_client_from_a_worker) {
  const UniqueFd worker(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLEXCLUSIVE;
  ASSERT_EQ(epoll_ctl(worker.get(), EPOLL_CTL_ADD, listener_.fd.get(), &event), 0);
  for (int i = 0; i < 3; ++i) {
    const UniqueFd waits = client();
    EXPECT_EQ(epoll_wait(worker.get(), &event, 1, 10000), 1);
    accept_one();
    reports(LoadSensor::min_interval);
  }
}

INSTANTIATE_TEST_SUITE_P(Sockets, LoadSensorTest,
                         ::testing::Values(std::string("127.0.0.1:0"),
                                           "@preforkd-load-sensor-" + std::to_string(getpid())),
                         [](const auto& each) { return each.index == 0 ? "Tcp" : "Unix"; });

}  // namespace
}  // namespace preforkd
