// SPDX-License-Identifier: MIT
// preforkd-exporter with fake pools, asked by curl.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "base/errors.hpp"
#include "support/activated_service.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/fake_pool.hpp"

namespace preforkd::component {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

FakePoolState pool_named(const std::string& name) {
  FakePoolState state;
  state.name = name;
  state.workers = {{0, 5000, "ready", "", ""}, {1, 5001, "ready", "", ""}};
  return state;
}

class Exporter : public ActivatedService {
 protected:
  Exporter() : ActivatedService(binaries::preforkd_exporter) {}

  [[nodiscard]] std::string url(const std::string& path) const { return "http://" + address() + path; }
  // The head and the body of the response, without CR.
  [[nodiscard]] std::string curl(std::vector<std::string> arguments, const std::string& path = "/metrics") const {
    arguments.insert(arguments.end(), {"-s", "-i", "--max-time", "30", url(path)});
    std::string text = run("/usr/bin/curl", arguments).out;
    std::erase(text, '\r');
    return text;
  }
  // As Prometheus asks.
  [[nodiscard]] std::string scrape() const {
    return curl({"-H", "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"});
  }
};

TEST_F(Exporter, answers_in_the_format_that_the_client_prefers) {
  const FakePool echo(bus_.address(), pool_named("echo"));
  const FakePool web(bus_.address(), pool_named("web"));
  start();
  const std::string open = scrape();
  EXPECT_THAT(open, AllOf(StartsWith("HTTP/1.1 200 OK\n"),
                          HasSubstr("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\n"),
                          HasSubstr("preforkd_pool_up{pool=\"echo\"} 1\npreforkd_pool_up{pool=\"web\"} 1\n"),
                          HasSubstr("preforkd_worker_up{pool=\"web\",slot=\"1\"} 1\n"), EndsWith("# EOF\n")));
  const std::string text = curl({});
  EXPECT_THAT(text, AllOf(HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\n"),
                          HasSubstr("# TYPE preforkd_pool_state gauge\n"), Not(HasSubstr("# EOF"))));
}

TEST_F(Exporter, refuses_what_is_not_a_read_of_the_metrics) {
  start();
  EXPECT_THAT(curl({"-I"}), AllOf(StartsWith("HTTP/1.1 200 OK\n"), EndsWith("\n\n"))) << "HEAD has no body";
  EXPECT_THAT(curl({}, "/"), AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("/metrics")));
  EXPECT_THAT(curl({}, "/metrics/x"), StartsWith("HTTP/1.1 404 "));
  for (const char* const method : {"POST", "DELETE", "OPTIONS"})
    EXPECT_THAT(curl({"-X", method, "-d", "x"}), AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\nAllow: GET, HEAD\n")));
  EXPECT_THAT(scrape(), StartsWith("HTTP/1.1 200 ")) << "it serves on";
}

TEST_F(Exporter, a_pool_that_does_not_answer_is_down_and_hides_no_other) {
  const FakePool echo(bus_.address(), pool_named("echo"));
  FakePool silent(bus_.address(), pool_named("silent"));
  FakePool half(bus_.address(), pool_named("half"));
  silent.stay_silent("GetAll");
  half.stay_silent("GetManagedObjects");
  start();
  const std::string text = scrape();
  EXPECT_THAT(
      text, AllOf(StartsWith("HTTP/1.1 200 OK\n"), HasSubstr("preforkd_pool_up{pool=\"echo\"} 1\n"),
                  HasSubstr("preforkd_pool_up{pool=\"silent\"} 0\n"), HasSubstr("preforkd_pool_up{pool=\"half\"} 0\n"),
                  HasSubstr("preforkd_workers_ready{pool=\"echo\"}"),
                  Not(HasSubstr("preforkd_workers_ready{pool=\"half\"}"))));
}

TEST_F(Exporter, without_a_bus_is_503_and_finds_one_that_was_restarted) {
  bus_.stop();
  start();
  EXPECT_THAT(scrape(), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("cannot reach the bus")));
  process_->err().wait_for("preforkd-exporter: cannot reach the bus");
  bus_.start();
  const FakePool echo(bus_.address(), pool_named("echo"));
  EXPECT_THAT(scrape(), HasSubstr("preforkd_pool_up{pool=\"echo\"} 1\n"));
}

TEST_F(Exporter, ends_when_it_is_idle_and_leaves_a_socket_for_the_next_one) {
  start("100ms");
  EXPECT_EQ(process_->wait_exit().status, exit_code::ok);
  Client waiting(address());
  waiting.send("HEAD /metrics HTTP/1.0\r\n\r\n");
  start("100ms");
  EXPECT_THAT(waiting.read_line(), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_TRUE(waiting.wait_closed());
  EXPECT_EQ(process_->wait_exit().status, exit_code::ok);
  EXPECT_EQ(process_->err().wait_closed(), "");
}

TEST_F(Exporter, is_not_blocked_by_clients_that_say_nothing) {
  start();
  std::vector<Client> slow;
  slow.reserve(40);
  for (int i = 0; i < 40; ++i) {
    slow.emplace_back(address());
    slow.back().send("GET /met");
  }
  EXPECT_THAT(scrape(), StartsWith("HTTP/1.1 200 OK\n"));
}

TEST_F(Exporter, by_hand_says_how_to_start_it) {
  const Ended ended = run(binaries::preforkd_exporter, {});
  EXPECT_EQ(ended.status, exit_code::unavailable);
  EXPECT_THAT(ended.err, HasSubstr("systemctl enable --now preforkd-exporter.socket"));
  EXPECT_EQ(run(binaries::preforkd_exporter, {"--usr"}).status, exit_code::usage);
  EXPECT_EQ(run(binaries::preforkd_exporter, {"--idle-exit=5"}).status, exit_code::usage);
  EXPECT_EQ(run(binaries::preforkd_exporter, {"x"}).status, exit_code::usage);
  EXPECT_THAT(run(binaries::preforkd_exporter, {"--help"}).out, HasSubstr("--idle-exit=TIME"));
}

}  // namespace
}  // namespace preforkd::component
