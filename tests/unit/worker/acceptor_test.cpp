// SPDX-License-Identifier: MIT
// How connections come in: spread over the workers of one socket, and what happens when there are too many.
#include "worker/acceptor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <memory>

#include "unit/worker/server_process.hpp"
#include "unit/worker/server_thread.hpp"

namespace prefork::test {
namespace {

void greet_with_pid(Server& server) {
  server.on_connect([](Connection& c) { c.send(std::to_string(::getpid())); });
}

std::vector<ServerProcess> start_workers(const Listener& listener, int count) {
  std::vector<ServerProcess> workers;
  for (int i = 0; i < count; ++i) workers.emplace_back(Start{{listener.fd.get()}, {}, greet_with_pid, {}});
  return workers;
}

// Waits until each worker has served a client, so that none is still starting.
void wait_for_workers(const Listener& listener, std::size_t count) {
  std::map<std::string, int> seen;
  while (seen.size() < count) ++seen[TestClient(listener.address).line()];
}

// Waits until the workers wait again before the next client connects: a worker that still runs would accept that one,
// too.
void wait_until_all_wait(const TestClient& client) {
  EXPECT_FALSE(wait_for(client.fd(), POLLIN, std::chrono::milliseconds(1)));
}

using Share = std::map<std::string, int>;  // connections by the worker's pid

// On a busy machine a worker may get no CPU time for the few milliseconds that 300 connections take; then the others
// accept its part. So the best of several rounds counts.
template <class Round, class Even>
testing::AssertionResult spread(Round round, Even even) {
  std::string seen;
  for (int i = 0; i < 20; ++i) {
    const Share share = round();
    if (even(share)) return testing::AssertionSuccess();
    for (const auto& [pid, count] : share) seen += std::to_string(count) + " ";
    seen += "| ";
  }
  return testing::AssertionFailure() << seen;
}

int largest(const Share& share) {
  int most = 0;
  for (const auto& [pid, count] : share) most = std::max(most, count);
  return most;
}

TEST(AcceptorTest, sequential_connections_are_spread_evenly) {
  const Listener listener;
  const std::vector<ServerProcess> workers = start_workers(listener, 3);
  wait_for_workers(listener, 3);
  const auto round = [&] {
    std::vector<TestClient> clients;
    Share share;
    for (int i = 0; i < 300; ++i) {
      clients.emplace_back(listener.address);
      ++share[clients.back().line()];
      wait_until_all_wait(clients.back());
    }
    return share;
  };
  EXPECT_TRUE(spread(round, [](const Share& share) { return share.size() == 3 && largest(share) <= 120; }));
}

// Keeps the workers on one CPU, where the running worker could accept all connections before the next one runs.
void keep_together(const std::vector<ServerProcess>& workers) {
  cpu_set_t allowed;
  ASSERT_EQ(::sched_getaffinity(0, sizeof allowed, &allowed), 0);
  unsigned first = 0;
  while (!CPU_ISSET(first, &allowed)) ++first;
  CPU_ZERO(&allowed);
  CPU_SET(first, &allowed);
  for (const ServerProcess& worker : workers) {
    ASSERT_EQ(::sched_setaffinity(worker.pid(), sizeof allowed, &allowed), 0);
  }
}

TEST(AcceptorTest, no_worker_hoards_a_burst) {
  const Listener listener;
  const std::vector<ServerProcess> workers = start_workers(listener, 3);
  wait_for_workers(listener, 3);
  keep_together(workers);
  const auto signal_all = [&](int signal) {
    for (const ServerProcess& worker : workers) ASSERT_EQ(::kill(worker.pid(), signal), 0);
  };
  const auto round = [&] {
    // All of them are in the queue before the first worker accepts.
    signal_all(SIGSTOP);
    std::vector<TestClient> clients;
    for (int i = 0; i < 300; ++i) clients.emplace_back(listener.address);
    signal_all(SIGCONT);
    Share share;
    for (TestClient& client : clients) ++share[client.line()];
    return share;
  };
  EXPECT_TRUE(spread(round, [](const Share& share) { return share.size() == 3 && largest(share) <= 180; }));
}

// How often the workers have waited for something.
long waits(const std::vector<ServerProcess>& workers) {
  long sum = 0;
  for (const ServerProcess& worker : workers) sum += worker.waits();
  return sum;
}

TEST(AcceptorTest, one_connection_wakes_one_worker) {
  const Listener listener;
  const std::vector<ServerProcess> workers = start_workers(listener, 4);
  wait_for_workers(listener, 4);
  constexpr long count = 50;
  const long before = waits(workers);
  std::vector<TestClient> clients;
  for (long i = 0; i < count; ++i) {
    clients.emplace_back(listener.address);
    clients.back().line();
    wait_until_all_wait(clients.back());
  }
  EXPECT_LT(waits(workers) - before, 2 * count);
}

TEST(AcceptorTest, at_max_connections_others_take_over) {
  const Listener listener;
  const auto limited = [](Server& server) {
    Limits limits;
    limits.max_connections(2);
    server.limits(limits);
    greet_with_pid(server);
  };
  const ServerProcess first(Start{{listener.fd.get()}, {}, limited, {}});
  const ServerProcess second(Start{{listener.fd.get()}, {}, limited, {}});
  std::vector<TestClient> clients;
  std::map<std::string, int> share;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back(listener.address);
    ++share[clients.back().line()];
  }
  EXPECT_THAT(share, testing::ElementsAre(testing::Pair(testing::_, 2), testing::Pair(testing::_, 2)));
  // The fifth waits in the queue until one of the four leaves.
  TestClient fifth(listener.address);
  EXPECT_FALSE(wait_for(fifth.fd(), POLLIN, std::chrono::milliseconds(50)));
  clients[1].close();
  EXPECT_FALSE(fifth.line().empty());
}

TEST(AcceptorTest, one_client_a_process_never_has_two) {
  std::atomic<int> open{0};
  std::atomic<int> most{0};
  ServerThread server([&](Server& s) {
    Limits limits;
    limits.max_connections(1);
    s.limits(limits);
    s.on_connect([&](Connection&) { most = std::max(most.load(), ++open); });
    s.on_message([&](Connection& c, std::string_view) {
      c.send("bye");
      c.close_after_flush();
    });
    s.on_close([&](Connection&, CloseReason) { --open; });
  });
  std::vector<TestClient> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(server.connect());
  for (TestClient& client : clients) client.send("x\n");
  for (TestClient& client : clients) EXPECT_EQ(client.line(), "bye");
  EXPECT_EQ(most, 1);
}

// What a process with too few descriptors does.
struct Starved {
  explicit Starved(const Listener& listener)
      : worker(Start{{listener.fd.get()},
                     {},
                     [](Server& s) {
                       greet_with_pid(s);
                       s.on_message([](Connection& c, std::string_view) {
                         timespec time{};
                         ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
                         c.send(std::to_string(time.tv_sec * 1000 + time.tv_nsec / 1000000));
                       });
                     },
                     [] {
                       const rlimit limit{32, 32};
                       ::setrlimit(RLIMIT_NOFILE, &limit);
                     }}) {}
  static long cpu_ms(TestClient& client) {
    client.send("cpu\n");
    return std::stol(client.line());
  }
  ServerProcess worker;
};

TEST(AcceptorTest, without_descriptors_a_client_is_told_and_served_again_later) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer needs descriptors of its own";
#endif
  const Listener listener;
  Starved starved(listener);
  std::vector<TestClient> served;
  std::size_t turned_away = 0;
  for (int i = 0; i < 60; ++i) {
    TestClient client(listener.address);
    if (client.line() == "<eof>") {
      ++turned_away;
    } else {
      served.push_back(std::move(client));
    }
  }
  EXPECT_GT(turned_away, 30U);
  ASSERT_GT(served.size(), 10U);
  // Connected clients are served, and the worker does not spin: that would take some 200 ms of CPU time.
  const long before = Starved::cpu_ms(served[0]);
  EXPECT_FALSE(wait_for(served[0].fd(), POLLIN, std::chrono::milliseconds(200)));
  EXPECT_LT(Starved::cpu_ms(served[0]) - before, 100);
  served.pop_back();
  std::string greeting;
  while (greeting.empty() || greeting == "<eof>") greeting = TestClient(listener.address).line();
  EXPECT_EQ(starved.worker.terminate(), 0);
}

// A worker without a socket to accept from must not stay in its place.
TEST(AcceptorTest, a_worker_without_a_socket_left_serves_its_clients_and_ends) {
  const Listener listener;
  ServerProcess worker(Start{{listener.fd.get()},
                             {},
                             [](Server& s) {
                               s.on_message([](Connection& c, std::string_view line) {
                                 // The descriptor now belongs to something else.
                                 if (line == "break") ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), 3);
                                 c.send(line);
                               });
                             },
                             {}});
  TestClient client(listener.address);
  client.send("break\n");
  EXPECT_EQ(client.line(), "break");
  const TestClient waits(listener.address);
  EXPECT_EQ(client.rest(), "<eof>");
  EXPECT_EQ(worker.wait(), 71);
}

}  // namespace
}  // namespace prefork::test
