// SPDX-License-Identifier: MIT
// Timers, watched descriptors and posted calls.
#include <prefork/server.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <stdexcept>

#include "unit/worker/server_thread.hpp"

namespace prefork::test {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using Clock = std::chrono::steady_clock;

TEST(ServerTest, timers_run_in_order_and_never_early) {
  Record record;
  const auto begin = Clock::now();
  ServerThread server([&](Server& s) {
    s.after(milliseconds(40), [&] {
      EXPECT_GE(Clock::now() - begin, milliseconds(40));
      record.add("second");
    });
    s.after(milliseconds(20), [&] { record.add("first"); });
    s.cancel(s.after(milliseconds(10), [&] { record.add("cancelled"); }));
  });
  EXPECT_THAT(record.wait(2), ElementsAre("first", "second"));
}

TEST(ServerTest, a_repeated_timer_runs_until_it_cancels_itself) {
  Record record;
  ServerThread server([&](Server& s) {
    auto id = std::make_shared<TimerId>();
    *id = s.every(milliseconds(2), [&record, &s, id] {
      record.add("tick");
      if (record.now().size() == 5) {
        s.cancel(*id);
        s.cancel(*id);
        s.after(milliseconds(20), [&record] { record.add("end"); });
      }
    });
  });
  EXPECT_THAT(record.wait(6), ElementsAre("tick", "tick", "tick", "tick", "tick", "end"));
}

TEST(ServerTest, a_timer_may_cancel_another_that_is_due_in_the_same_turn) {
  Record record;
  ServerThread server([&](Server& s) {
    auto ids = std::make_shared<std::vector<TimerId>>();
    for (int i = 0; i < 2; ++i) {
      ids->push_back(s.after(milliseconds(5), [&record, &s, ids] {
        record.add("ran");
        for (const TimerId id : *ids) s.cancel(id);
      }));
    }
    s.after(milliseconds(30), [&] { record.add("end"); });
  });
  EXPECT_THAT(record.wait(2), ElementsAre("ran", "end"));
}

TEST(ServerTest, a_callback_that_takes_long_does_not_delay_what_is_due_after_it) {
  constexpr milliseconds long_time(500);
  constexpr milliseconds due(600);
  Record record;
  std::atomic<Clock::duration> late{};
  ServerThread server([&](Server& s) {
    s.post([&] {
      const auto begin = Clock::now();
      s.after(due, [&, begin] {
        late = Clock::now() - begin - due;
        record.add("ran");
      });
      while (Clock::now() < begin + long_time) {
      }
    });
  });
  record.wait(1);
  EXPECT_LT(late.load(), long_time / 2);
}

TEST(ServerTest, an_old_id_does_not_cancel_the_timer_that_took_its_place) {
  Record record;
  ServerThread server([&](Server& s) {
    const TimerId old = s.after(milliseconds(1), [] {});
    s.cancel(old);
    s.after(milliseconds(5), [&] { record.add("ran"); });
    s.cancel(old);
  });
  record.wait(1);
}

TEST(ServerTest, an_id_of_nothing_ends_nothing) {
  const preforkd::UniqueFd event(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  Record record;
  ServerThread server([&](Server& s) {
    s.after(milliseconds(1), [&] { record.add("timer"); });
    s.watch(event.get(), POLLIN, [&, fd = event.get()](WatchEvents) {
      std::uint64_t value = 0;
      ASSERT_EQ(::read(fd, &value, sizeof value), 8);
      record.add("watch");
    });
    s.cancel(TimerId{});
    s.unwatch(WatchId{});
  });
  EXPECT_THAT(record.wait(2), testing::UnorderedElementsAre("timer", "watch"));
}

TEST(ServerTest, outside_a_pool_there_is_no_other_worker) {
  Server server;
  server.listen("127.0.0.1:0");
  int looks = 0;
  const auto look = [&] {
    EXPECT_TRUE(server.other_workers().empty());
    EXPECT_EQ(server.send_to(0, "hello"), SendResult::no_worker);
    EXPECT_EQ(server.send_to(PoolWorker(), "hello"), SendResult::no_worker);
    EXPECT_EQ(server.broadcast("hello"), 0U);
    ++looks;
  };
  look();
  server.on_worker_message([](const PoolWorker&, std::string_view) {});
  server.on_worker_start(look);
  server.on_worker_stop(look);
  server.stop();
  EXPECT_EQ(server.run(), 0);
  EXPECT_EQ(looks, 3);
}

TEST(ServerTest, sends_from_a_timer_are_written) {
  ServerThread server([](Server& s) {
    s.on_connect([&s](Connection& c) {
      s.after(milliseconds(5), [ref = ConnectionRef(c)] {
        if (Connection* const connection = ref.get()) {
          connection->send("late");
          connection->send("greeting");
        }
      });
    });
  });
  TestClient client = server.connect();
  EXPECT_EQ(client.line(), "late");
  EXPECT_EQ(client.line(), "greeting");
  EXPECT_EQ(client.data_segments_received(), 1U);
}

TEST(ServerTest, watches_a_descriptor_until_unwatched) {
  const preforkd::UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  Record record;
  ServerThread server([&](Server& s) {
    auto id = std::make_shared<WatchId>();
    *id = s.watch(event.get(), POLLIN, [&record, &s, id, fd = event.get()](WatchEvents events) {
      EXPECT_EQ(events, static_cast<WatchEvents>(POLLIN));
      std::uint64_t value = 0;
      ASSERT_EQ(::read(fd, &value, sizeof value), 8);
      record.add(std::to_string(value));
      if (value != 2) return;
      s.unwatch(*id);
      s.unwatch(*id);
    });
  });
  for (std::uint64_t value = 1; value <= 3; ++value) {
    ASSERT_EQ(::write(event.get(), &value, sizeof value), 8);
    if (value < 3) record.wait(value);
  }
  std::promise<void> turned;
  server.post([&](Server&) { turned.set_value(); });
  turned.get_future().wait();
  EXPECT_THAT(record.now(), ElementsAre("1", "2"));
}

TEST(ServerTest, a_watch_may_end_another_that_is_ready_in_the_same_turn) {
  const preforkd::UniqueFd first(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  const preforkd::UniqueFd second(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  Record record;
  ServerThread server([&](Server& s) {
    auto ids = std::make_shared<std::vector<WatchId>>();
    const auto end_all = [&record, &s, ids](WatchEvents) {
      record.add("ran");
      for (const WatchId id : *ids) s.unwatch(id);
    };
    ids->push_back(s.watch(first.get(), POLLIN, end_all));
    ids->push_back(s.watch(second.get(), POLLIN, end_all));
    s.after(milliseconds(20), [&] { record.add("end"); });
  });
  EXPECT_THAT(record.wait(2), ElementsAre("ran", "end"));
}

TEST(ServerTest, watch_throws_for_what_epoll_refuses) {
  Server server;
  EXPECT_THROW(server.watch(-1, POLLIN, [](WatchEvents) {}), std::system_error);
  FILE* const file = std::tmpfile();
  EXPECT_THROW(server.watch(::fileno(file), POLLIN, [](WatchEvents) {}), std::system_error);
  std::fclose(file);
}

// Records what on_error gets.
void record_errors(Server& server, Record& record) {
  server.on_error([&record](const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& exception) {
      record.add(exception.what());
    }
  });
}

TEST(ServerTest, a_timer_that_throws_is_gone_and_a_repeated_one_continues) {
  Record record;
  ServerThread server([&](Server& s) {
    record_errors(s, record);
    s.on_message([](Connection& c, std::string_view line) { c.send(line); });
    s.after(milliseconds(1), [] { throw std::runtime_error("once"); });
    auto calls = std::make_shared<int>(0);
    auto id = std::make_shared<TimerId>();
    s.after(milliseconds(10), [&s, calls, id] {
      *id = s.every(milliseconds(1), [&s, calls, id] {
        if (++*calls == 3) s.cancel(*id);
        throw std::runtime_error("again");
      });
    });
    s.after(milliseconds(100), [&] { record.add("end"); });
  });
  TestClient client = server.connect();
  EXPECT_THAT(record.wait(5), ElementsAre("once", "again", "again", "again", "end"));
  client.send("x\n");
  EXPECT_EQ(client.line(), "x");
  EXPECT_EQ(server.stop(), 0);
}

TEST(ServerTest, a_watch_that_throws_is_ended_and_no_other) {
  const preforkd::UniqueFd first(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  const preforkd::UniqueFd second(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  Record record;
  ServerThread server([&](Server& s) {
    record_errors(s, record);
    s.watch(first.get(), POLLIN, [](WatchEvents) { throw std::runtime_error("unread"); });
    auto id = std::make_shared<WatchId>();
    *id = s.watch(second.get(), POLLIN, [&s, id](WatchEvents) {
      s.unwatch(*id);
      throw std::runtime_error("unwatched");
    });
  });
  EXPECT_THAT(record.wait(2), testing::UnorderedElementsAre("unread", "unwatched"));
  server.post([&](Server& s) {
    s.watch(first.get(), POLLIN, [&](WatchEvents) {
      record.add("watched again");
      throw std::runtime_error("again");
    });
  });
  EXPECT_THAT(record.wait(4).at(2), "watched again");
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(record.now().size(), 4U);
}

TEST(ServerTest, a_posted_call_that_throws_does_not_cost_the_next_one) {
  Record record;
  ServerThread server([&](Server& s) {
    s.post([] { throw std::runtime_error("first"); });
    s.post([&] { record.add("second"); });
  });
  record.wait(1);
  EXPECT_EQ(server.stop(), 0);
}

TEST(ServerTest, the_application_may_decide_to_stop_at_an_error) {
  ServerThread server([&](Server& s) {
    s.on_error([&s](const std::exception_ptr&) {
      s.stop();
      throw std::runtime_error("an exception of on_error is logged");
    });
    s.after(milliseconds(1), [] { throw 1; });
  });
  EXPECT_EQ(server.join(), 0);
}

TEST(ServerTest, posted_calls_of_many_threads_all_run_on_the_servers_thread) {
  std::atomic<int> calls{0};
  std::thread::id server_thread;
  ServerThread server([&](Server& s) { s.on_worker_start([&] { server_thread = std::this_thread::get_id(); }); });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 500; ++j) {
        server.post([&](Server&) {
          EXPECT_EQ(std::this_thread::get_id(), server_thread);
          ++calls;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::promise<void> last;
  server.post([&](Server&) { last.set_value(); });
  last.get_future().wait();
  EXPECT_EQ(calls, 2000);
}

TEST(ServerTest, replies_from_a_thread_keep_the_order_of_the_requests) {
  std::vector<std::thread> threads;
  ServerThread server([&](Server& s) {
    s.on_message([&](Connection& c, std::string_view line) {
      auto reply = std::make_shared<Reply>(c.defer());
      threads.emplace_back([&s, reply = std::move(reply), text = std::string(line)]() mutable {
        s.post([reply = std::move(reply), text = std::move(text)] { reply->send({"computed: ", text}); });
      });
    });
  });
  TestClient client = server.connect();
  client.send("1\n2\n3\n4\n5\n");
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(client.line(), "computed: " + std::to_string(i));
  server.stop();
  for (std::thread& thread : threads) thread.join();
}

TEST(ServerTest, what_belongs_before_run_is_refused_during_it) {
  Server server;
  server.listen("127.0.0.1:0");
  int refused = 0;
  server.on_worker_start([&] {
    const auto try_to = [&](auto call) {
      EXPECT_THROW(call(), std::logic_error);
      ++refused;
    };
    try_to([&] { server.framing(Framing::raw()); });
    try_to([&] { server.limits(Limits()); });
    try_to([&] { server.listen("127.0.0.1:0"); });
    try_to([&] { server.on_message([](Connection&, std::string_view) {}); });
    try_to([&] { server.on_worker_stop([] {}); });
    try_to([&] { server.on_worker_message([](const PoolWorker&, std::string_view) {}); });
    try_to([&] { static_cast<void>(server.run()); });
    try_to([&] { static_cast<void>(server.counter("jobs")); });
    try_to([&] { static_cast<void>(server.close_reason("quota-exceeded")); });
  });
  server.stop();
  EXPECT_EQ(server.run(), 0);
  EXPECT_EQ(refused, 9);
  server.framing(Framing::raw());
}

TEST(ServerTest, a_callback_that_destroys_its_server_is_named) {
  const auto destroy = [] {
    auto server = std::make_unique<Server>();
    server->listen("127.0.0.1:0");
    server->on_worker_start([&] { server.reset(); });
    static_cast<void>(server->run());
  };
  EXPECT_EXIT(destroy(), testing::KilledBySignal(SIGABRT), "a callback destroys the Server");
}

int exit_status(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST(ServerTest, a_child_that_ends_in_a_callback_may_destroy_its_copy) {
  // What exit(3) does with a global Server.
  ServerThread server([](Server& s) {
    s.on_message([&s](Connection& c, std::string_view line) {
      const pid_t child = ::fork();
      if (child == 0) {
        std::destroy_at(&s);
        ::_exit(7);
      }
      c.send({line, std::to_string(exit_status(child))});
    });
  });
  TestClient client = server.connect();
  for (int i = 0; i < 2; ++i) {
    client.send("status \n");
    EXPECT_EQ(client.line(), "status 7");
  }
}

TEST(ServerTest, a_child_cannot_run_the_server_of_its_parent) {
  Server server;
  server.listen("127.0.0.1:0");
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      server.stop();
      ::_exit(server.run());
    } catch (const std::logic_error&) {
      ::_exit(7);
    }
  }
  EXPECT_EQ(exit_status(child), 7);
}

TEST(ServerTest, the_kernels_choice_of_port_is_told) {
  Server server;
  server.listen("127.0.0.1:0").listen("[::1]:0");
  std::vector<std::string> addresses;
  server.on_worker_start([&] { addresses = server.addresses(); });
  server.stop();
  ASSERT_EQ(server.run(), 0);
  ASSERT_EQ(addresses.size(), 2U);
  EXPECT_EQ(addresses[0].find("127.0.0.1:"), 0U);
  EXPECT_NE(addresses[0], "127.0.0.1:0");
  EXPECT_EQ(addresses[1].find("[::1]:"), 0U);
}

TEST(ServerTest, a_unix_path_of_its_own_is_removed_at_the_end) {
  const std::string path = ::testing::TempDir() + "prefork-server-test-" + std::to_string(::getpid());
  {
    ServerThread server([](Server& s) { s.on_message([](Connection& c, std::string_view line) { c.send(line); }); },
                        path);
    TestClient client = server.connect();
    client.send("x\n");
    EXPECT_EQ(client.line(), "x");
  }
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace prefork::test
