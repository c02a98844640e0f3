// SPDX-License-Identifier: MIT
#include "client/bench/bench.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>

#include "unit/client/line_server.hpp"

namespace preforkd::client {
namespace {

using namespace std::chrono_literals;
using Mode = BenchOptions::Mode;

BenchOptions options_for(const std::string& address) {
  BenchOptions options;
  options.address = address;
  options.connect_timeout = 10s;
  options.reply_timeout = 10s;
  return options;
}

BenchResult run(const BenchOptions& options) {
  return run_bench(options, [](std::uint32_t) {}).value();
}

// Serves like echo, but does `instead` with the connections whose number is below `count`, after their first line;
// `rest` is the input after that line.
LineServer::Serve misbehave(unsigned count, std::function<void(int, std::string&)> instead) {
  return [=](int socket, unsigned number) {
    if (number >= count) return serve_echo(socket, number);
    std::string rest;
    std::string line;
    if (receive_line(socket, rest, line)) instead(socket, rest);
  };
}

TEST(BenchTest, asks_as_often_as_it_is_told) {
  const LineServer server(serve_echo);
  BenchOptions options = options_for(server.address());
  options.connections = 3;
  options.depth = 4;
  options.size = 100;
  options.requests = 1000;
  const BenchResult result = run(options);
  EXPECT_EQ(result.times.count(), 1000u);
  EXPECT_EQ(result.connects, 3u);
  EXPECT_EQ(result.open_at_end, 3u);
  EXPECT_EQ(result.failures.count(), 0u);
  EXPECT_GT(result.elapsed, 0ns);
  EXPECT_GE(result.elapsed.count(), static_cast<std::int64_t>(result.times.max()));
}

TEST(BenchTest, ends_after_its_time) {
  const LineServer server(serve_echo);
  BenchOptions options = options_for(server.address());
  options.duration = 50ms;
  const BenchResult result = run(options);
  EXPECT_GE(result.elapsed, 50ms);
  EXPECT_GT(result.times.count(), 0u);
  EXPECT_EQ(result.failures.count(), 0u);
}

TEST(BenchTest, reads_replies_that_are_larger_than_its_buffers) {
  const LineServer server(serve_echo);
  BenchOptions options = options_for(server.address());
  options.size = 3 << 20;
  options.depth = 2;
  options.requests = 5;
  EXPECT_EQ(run(options).times.count(), 5u);
}

TEST(BenchTest, churn_makes_a_connection_for_each_request) {
  const LineServer server(serve_echo);
  BenchOptions options = options_for(server.address());
  options.mode = Mode::churn;
  options.connections = 4;
  options.requests = 50;
  const BenchResult result = run(options);
  EXPECT_EQ(result.times.count(), 50u);
  EXPECT_EQ(result.connects, 50u);
  EXPECT_EQ(result.failures.count(), 0u);
}

TEST(BenchTest, open_holds_connections_that_were_answered_once) {
  const LineServer server(serve_echo);
  BenchOptions options = options_for(server.address());
  options.mode = Mode::open;
  options.connections = 20;
  options.duration = 10ms;
  std::uint32_t held = 0;
  const BenchResult result = run_bench(options, [&](std::uint32_t connections) { held = connections; }).value();
  EXPECT_EQ(held, 20u);
  EXPECT_EQ(result.times.count(), 20u);
  EXPECT_EQ(result.open_at_end, 20u);
}

TEST(BenchTest, a_signal_ends_it_with_a_result) {
  const LineServer server(serve_echo);
  BenchOptions options = options_for(server.address());
  options.mode = Mode::open;
  const BenchResult result = run_bench(options, [](std::uint32_t) { raise(SIGTERM); }).value();
  EXPECT_EQ(result.times.count(), 1u);
}

TEST(BenchTest, spreads_requests_over_time_at_a_rate) {
  const LineServer server(serve_echo);
  BenchOptions options = options_for(server.address());
  options.connections = 2;
  options.rate = 1000;
  options.requests = 51;
  const BenchResult result = run(options);
  EXPECT_EQ(result.times.count(), 51u);
  EXPECT_GE(result.elapsed, 50ms);
}

TEST(BenchTest, goes_on_after_a_reset) {
  const LineServer server(misbehave(1, [](int socket, std::string&) { reset_connection(socket); }));
  BenchOptions options = options_for(server.address());
  options.requests = 10;
  const BenchResult result = run(options);
  EXPECT_EQ(result.failures.count(FailureKind::reset), 1u);
  EXPECT_EQ(result.failures.requests_lost(), 1u);
  EXPECT_EQ(result.times.count(), 9u);
  EXPECT_EQ(result.connects, 2u);
}

TEST(BenchTest, tells_an_early_close_and_counts_what_was_in_flight) {
  const LineServer server(misbehave(1, [](int socket, std::string& rest) {
    // Every request is read, so that the close is an end-of-file and not a reset.
    std::string line;
    for (int i = 0; i < 2; ++i) receive_line(socket, rest, line);
    shutdown(socket, SHUT_WR);
    while (receive_line(socket, rest, line)) continue;
  }));
  BenchOptions options = options_for(server.address());
  options.size = 1;
  options.depth = 3;
  options.requests = 3;
  const BenchResult result = run(options);
  ASSERT_EQ(result.failures.count(), 1u);
  EXPECT_EQ(result.failures.count(FailureKind::closed_early), 1u);
  EXPECT_EQ(result.failures.requests_lost(), 3u);
}

TEST(BenchTest, tells_a_wrong_reply) {
  const LineServer server(misbehave(1, [](int socket, std::string&) { send_all(socket, "received: nonsense\n"); }));
  BenchOptions options = options_for(server.address());
  options.requests = 2;
  const BenchResult result = run(options);
  EXPECT_EQ(result.failures.count(FailureKind::wrong_reply), 1u);
  EXPECT_EQ(result.times.count(), 1u);
}

TEST(BenchTest, tells_bytes_that_answer_nothing) {
  const LineServer server([](int socket, unsigned number) {
    if (number == 0) send_all(socket, "hello\n");
    serve_echo(socket, number);
  });
  BenchOptions options = options_for(server.address());
  options.requests = 10;
  EXPECT_EQ(run(options).failures.count(FailureKind::wrong_reply), 1u);
}

TEST(BenchTest, tells_a_reply_that_does_not_come) {
  const LineServer server(misbehave(1, [](int socket, std::string&) {
    std::string rest;
    std::string line;
    while (receive_line(socket, rest, line)) continue;
  }));
  BenchOptions options = options_for(server.address());
  options.reply_timeout = 30ms;
  options.requests = 1;
  const BenchResult result = run(options);
  EXPECT_EQ(result.failures.count(FailureKind::reply_timeout), 1u);
  EXPECT_EQ(result.times.count(), 0u);
}

TEST(BenchTest, tells_a_refusal_and_ends_when_nothing_could_be_connected) {
  BenchOptions options = options_for(unused_address());
  options.connections = 2;
  options.duration = 1h;
  const BenchResult result = run(options);
  EXPECT_EQ(result.connects, 0u);
  EXPECT_GE(result.failures.count(FailureKind::connect_refused), 2u);
}

TEST(BenchTest, says_why_a_name_is_no_target) {
  const auto result = run_bench(options_for("no-such-host.invalid:1"), [](std::uint32_t) {});
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().text.starts_with("connect failed: no-such-host.invalid:1: "));
}

TEST(BenchTest, tells_when_and_where_a_failure_was) {
  const LineServer server(misbehave(1, [](int socket, std::string&) { reset_connection(socket); }));
  BenchOptions options = options_for(server.address());
  options.requests = 2;
  const nanoseconds before = monotonic_now();
  const BenchResult result = run(options);
  ASSERT_EQ(result.failures.first().size(), 1u);
  const ConnectionFailure& failure = result.failures.first().front();
  EXPECT_EQ(failure.connection, 0u);
  EXPECT_GE(failure.when, before);
  EXPECT_LE(failure.when, monotonic_now());
  EXPECT_EQ(failure.reason, "Connection reset by peer (ECONNRESET)");
}

TEST(BenchTest, an_idle_connection_that_the_server_closes_is_told_apart) {
  std::atomic<bool> held = false;
  const LineServer server([&](int socket, unsigned) {
    std::string rest;
    std::string line;
    receive_line(socket, rest, line);
    send_all(socket, "received: " + line + "\n");
    held.wait(false);
  });
  BenchOptions options = options_for(server.address());
  options.mode = Mode::open;
  options.connections = 2;
  options.duration = 200ms;
  const BenchResult result = run_bench(options, [&](std::uint32_t) {
                               held = true;
                               held.notify_all();
                             }).value();
  EXPECT_EQ(result.failures.count(FailureKind::closed_idle), 2u);
  EXPECT_EQ(result.failures.requests_lost(), 0u);
  EXPECT_EQ(result.open_at_end, 0u);
}

TEST(BenchTest, measures_the_servers_processor_time) {
  const LineServer server(serve_echo);
  BenchOptions options = options_for(server.address());
  options.requests = 100;
  EXPECT_FALSE(run(options).cpu);
  options.cpu_of = {getpid()};
  EXPECT_GT(run(options).cpu.value(), 0ns);
}

}  // namespace
}  // namespace preforkd::client
