// SPDX-License-Identifier: MIT
#include "worker/base/event_loop.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <functional>
#include <memory>

namespace prefork::internal {
namespace {

struct Source final : EventSource {
  Source(EventLoop& loop_, std::function<void(std::uint32_t)> call_)
      : loop(loop_), fd(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)), call(std::move(call_)) {
    EXPECT_EQ(loop.add(fd.get(), EPOLLIN, *this), 0);
  }
  ~Source() { loop.remove(fd.get(), *this); }
  void on_events(std::uint32_t events) override { call(events); }

  EventLoop& loop;
  preforkd::UniqueFd fd;
  std::function<void(std::uint32_t)> call;
};

TEST(EventLoopTest, calls_each_ready_source_with_its_events) {
  EventLoop loop;
  std::uint32_t seen = 0;
  Source source(loop, [&](std::uint32_t events) { seen = events; });
  loop.turn(0);
  EXPECT_EQ(seen, EPOLLIN);
}

TEST(EventLoopTest, a_source_removed_in_the_same_turn_is_not_called_any_more) {
  EventLoop loop;
  int calls = 0;
  std::unique_ptr<Source> first;
  std::unique_ptr<Source> second;
  // The one that is called first removes the other, whose event is pending in the same turn.
  first = std::make_unique<Source>(loop, [&](std::uint32_t) {
    ++calls;
    second.reset();
  });
  second = std::make_unique<Source>(loop, [&](std::uint32_t) {
    ++calls;
    first.reset();
  });
  loop.turn(0);
  EXPECT_EQ(calls, 1);
  EXPECT_NE(first == nullptr, second == nullptr);
}

TEST(EventLoopTest, an_event_behind_an_exception_is_reported_again) {
  EventLoop loop;
  int calls = 0;
  const auto fail_once = [&](std::uint32_t) {
    if (++calls == 1) throw 1;
  };
  Source first(loop, fail_once);
  Source second(loop, fail_once);
  EXPECT_THROW(loop.turn(0), int);
  loop.turn(0);
  EXPECT_EQ(calls, 3);
}

TEST(EventLoopTest, refuses_what_epoll_refuses) {
  EventLoop loop;
  Source source(loop, [](std::uint32_t) {});
  EXPECT_EQ(loop.add(source.fd.get(), EPOLLIN, source), EEXIST);
  EXPECT_EQ(loop.add(-1, EPOLLIN, source), EBADF);
}

}  // namespace
}  // namespace prefork::internal
