// SPDX-License-Identifier: MIT
#include "master/bus/bus_pump.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <string>

#include "master/bus/native_bus.hpp"

namespace preforkd {
namespace {

using std::chrono::milliseconds;

// Two ends of a connection. The other end reads only while the test allows it.
class BusPumpTest : public testing::Test {
 protected:
  BusPumpTest() {
    std::array<int, 2> pair{-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()), 0);
    bus_ = end(pair[0], false);
    other_ = end(pair[1], true);
    while (sd_bus_is_ready(bus_.get()) == 0 || sd_bus_is_ready(other_.get()) == 0) {
      EXPECT_GE(sd_bus_process(bus_.get(), nullptr), 0);
      EXPECT_GE(sd_bus_process(other_.get(), nullptr), 0);
    }
  }
  static NativeBus end(int fd, bool server) {
    sd_bus* bus = nullptr;
    EXPECT_GE(sd_bus_new(&bus), 0);
    EXPECT_GE(sd_bus_set_fd(bus, fd, fd), 0);
    if (server) {
      EXPECT_GE(sd_bus_set_server(bus, 1, sd_id128_t{{1}}), 0);
    }
    EXPECT_GE(sd_bus_start(bus), 0);
    return NativeBus(bus);
  }
  void send(int messages, std::size_t size) const {
    const std::string text(size, 'x');
    for (int i = 0; i < messages; ++i)
      ASSERT_GE(sd_bus_emit_signal(bus_.get(), "/x", "org.preforkd1.Test", "Said", "s", text.c_str()), 0);
  }
  [[nodiscard]] std::uint64_t unsent() const {
    std::uint64_t messages = 0;
    EXPECT_GE(sd_bus_get_n_queued_write(bus_.get(), &messages), 0);
    return messages;
  }

  NativeBus bus_;
  NativeBus other_;
  EventLoop loop_;
  bool failed_ = false;
};

TEST_F(BusPumpTest, a_bus_that_reads_nothing_is_not_waited_for_at_the_end) {
  BusPump pump(loop_, bus_.get(), [this] { failed_ = true; });
  send(100, 1 << 20);
  ASSERT_GT(unsent(), 0U);
  const Instant begin = SteadyClock().now();
  pump.flush(milliseconds(50));
  EXPECT_GT(unsent(), 0U);
  EXPECT_GE(SteadyClock().now() - begin, milliseconds(50));
  sd_bus_close(bus_.get());
  bus_.reset();  // does not wait for the other end
}

TEST_F(BusPumpTest, a_bus_that_reads_nothing_is_given_up_before_its_queue_grows_for_ever) {
  const BusPump pump(loop_, bus_.get(), [this] { failed_ = true; });
  send(60'000, 100);
  while (loop_.run_once(Duration{0})) {
  }
  EXPECT_FALSE(failed_);
  send(60'000, 100);
  EventSource tick = loop_.add_timer(Priority::normal, Duration{0}, [] {});
  tick.arm(SteadyClock().now());
  loop_.run_once(milliseconds(100));
  loop_.run_once(milliseconds(100));
  EXPECT_TRUE(failed_);
}

TEST_F(BusPumpTest, what_is_left_is_sent_to_a_bus_that_reads) {
  BusPump pump(loop_, bus_.get(), [this] { failed_ = true; });
  send(10, 1000);
  pump.flush(milliseconds(10'000));
  EXPECT_EQ(unsent(), 0U);
}

}  // namespace
}  // namespace preforkd
