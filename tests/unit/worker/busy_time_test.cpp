// SPDX-License-Identifier: MIT
// What a worker tells about how busy it is: in its statistics page, and to a master that has asked.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <utility>

#include "unit/worker/hand_over/moving_workers.hpp"
#include "wire/busy_time.hpp"
#include "worker/service/busy_report.hpp"

namespace prefork::test {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::seconds;

microseconds busy_time_of(const Worker& worker) {
  return preforkd::busy_time(worker.page().busy_time.load(),
                             duration_cast<microseconds>(std::chrono::steady_clock::now().time_since_epoch()));
}

void toil(milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

// "toil" takes 50 ms, in which the worker does nothing else.
void add_toil(Server& server) {
  server.on_message([](Connection& c, std::string_view line) {
    if (line == "toil") toil(milliseconds(50));
    c.send(line);
  });
}

class BusyTimeTest : public testing::Test {
 protected:
  Listener listener_;
  Worker worker_{listener_, "first", add_toil};
  control::Hello hello_ = worker_.expect<control::Hello>();
  TestClient client_{listener_.address};

  void ask(const std::string& line) {
    client_.send(line + "\n");
    EXPECT_EQ(client_.line(), line);
  }
};

TEST_F(BusyTimeTest, the_page_has_the_time_in_which_the_worker_does_not_wait_for_events) {
  ask("hello");
  await_rest(worker_);
  const microseconds before = busy_time_of(worker_);
  EXPECT_EQ(worker_.page().busy_time.load() & 1U, 0U) << "it rests";
  EXPECT_EQ(busy_time_of(worker_), before);
  for (int i = 0; i < 4; ++i) ask("toil");
  await_rest(worker_);
  EXPECT_GE(busy_time_of(worker_), before + milliseconds(200));
}

TEST_F(BusyTimeTest, it_grows_while_a_callback_takes_long) {
  ask("hello");
  await_rest(worker_);
  const microseconds before = busy_time_of(worker_);
  client_.send("toil\n");
  const auto end = std::chrono::steady_clock::now() + patience;
  while (busy_time_of(worker_) < before + milliseconds(20) && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  EXPECT_EQ(worker_.page().busy_time.load() & 1U, 1U) << "it is still in its callback";
  EXPECT_EQ(client_.line(), "toil");
}

TEST_F(BusyTimeTest, a_master_that_has_asked_is_told_once_a_second) {
  worker_.say(control::ReportBusy{500});
  const auto begin = std::chrono::steady_clock::now();
  int reports = 0;
  while (reports < 2 && std::chrono::steady_clock::now() < begin + patience) {
    ask("toil");
    if (worker_.next(milliseconds(0))) ++reports;
  }
  EXPECT_EQ(reports, 2);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, seconds(1));
  worker_.say(control::ReportBusy{0});
  ask("hello");
  while (worker_.next(milliseconds(0))) {
  }
  const auto end = std::chrono::steady_clock::now() + milliseconds(1500);
  while (std::chrono::steady_clock::now() < end) ask("toil");
  EXPECT_FALSE(worker_.next(milliseconds(0)));
}

TEST_F(BusyTimeTest, a_master_that_has_not_asked_is_not_told) {
  const auto end = std::chrono::steady_clock::now() + milliseconds(1500);
  while (std::chrono::steady_clock::now() < end) ask("toil");
  EXPECT_FALSE(worker_.next(milliseconds(0)));
}

TEST(FullTest, the_page_says_that_a_worker_accepts_none_because_of_max_connections) {
  const Listener listener;
  Worker worker(listener, "first", [](Server& server) { server.limits(Limits().max_connections(1)); });
  worker.expect<control::Hello>();
  EXPECT_EQ(worker.page().full.load(), 0U);
  {
    TestClient client(listener.address);
    client.send("i am 1\n");
    EXPECT_EQ(client.line(), "hello 1");
    EXPECT_EQ(worker.page().full.load(), 1U);
    EXPECT_EQ(worker.page().max_connections.load(), 1U);
  }
  const auto end = std::chrono::steady_clock::now() + patience;
  while (worker.page().full.load() != 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(worker.page().full.load(), 0U);
}

class BusyReportTest : public testing::Test {
 protected:
  BusyReportTest() { report_.ask(500); }
  // The next turn, after `rest` without and `work` with something to do.
  bool turn(milliseconds rest, milliseconds work) {
    now_ += rest + work;
    busy_ += work;
    return report_.is_due(now_, busy_);
  }

  internal::BusyReport report_;
  internal::BusyReport::TimePoint now_{seconds(1000)};
  std::chrono::nanoseconds busy_{0};
};

TEST_F(BusyReportTest, is_due_after_a_second_of_which_a_share_was_busy) {
  EXPECT_FALSE(turn(seconds(500), milliseconds(1))) << "a long rest";
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(turn(milliseconds(40), milliseconds(60)));
  EXPECT_TRUE(turn(milliseconds(40), milliseconds(60)));
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(turn(milliseconds(40), milliseconds(60)));
  EXPECT_TRUE(turn(milliseconds(40), milliseconds(60)));
}

TEST_F(BusyReportTest, is_not_due_with_less) {
  turn(seconds(500), milliseconds(1));
  for (int i = 0; i < 30; ++i) EXPECT_FALSE(turn(milliseconds(51), milliseconds(49)));
}

}  // namespace
}  // namespace prefork::test
