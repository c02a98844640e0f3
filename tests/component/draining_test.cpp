// SPDX-License-Identifier: MIT
// What the status shows of draining workers, and that each of them ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <utility>

#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/configured_master.hpp"
#include "support/notify_receiver.hpp"
#include "support/proc.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// One worker that continues to serve its clients while it drains.
json keeps_its_clients(const char* drain_timeout) {
  return {{"listen", {"127.0.0.1:0"}},
          {"program", {binaries::worker("prefork_does_as_told")}},
          {"workers", 1},
          {"drain_timeout", drain_timeout},
          {"settings", {{"drain_idle", "keep"}}}};
}

StartOptions told_to(const NotifyReceiver& systemd) {
  StartOptions options;
  options.environment = {{"NOTIFY_SOCKET", systemd.path()}};
  return options;
}

// The next STATUS= that matches.
std::string status_like(NotifyReceiver& systemd, const std::string& pattern) {
  const std::regex wanted(pattern);
  const Deadline deadline;
  for (;;) {
    const auto message = systemd.wait_for("STATUS", {}, deadline);
    const std::string& status = message.fields.at("STATUS");
    if (std::regex_search(status, wanted)) return status;
  }
}

TEST(Draining, workers_their_generation_connections_and_deadline_are_in_the_status_until_they_are_gone) {
  NotifyReceiver systemd;
  ConfiguredMaster master(keeps_its_clients("1h"), told_to(systemd));
  Client first(master.address());
  Client second(master.address());
  first.ask("hello");
  second.ask("hello");
  master.hup("reload done");
  status_like(
      systemd,
      "1/1 workers ready, generation 2, 2 connections; draining: 1 worker of generation 1 with 2 connections until "
      "[-0-9 ]*\\d\\d:\\d\\d:\\d\\d$");
  EXPECT_THAT(first.ask("still there"), HasSubstr(": still there"));
  // The master gets no event when a connection ends, but reports it.
  second.close();
  status_like(systemd, "draining: 1 worker of generation 1 with 1 connection until");
  first.close();
  EXPECT_THAT(status_like(systemd, "^1/1 workers ready, generation 2, 0 connections"), Not(HasSubstr("draining")));
}

TEST(Draining, the_table_shows_each_worker_that_drains) {
  ConfiguredMaster master(keeps_its_clients("1h"));
  Client client(master.address());
  client.ask("hello");
  master.hup("reload done");
  EXPECT_THAT(master.table(), testing::Contains(testing::ContainsRegex(
                                  "draining, generation 1, up .*, 1 connection, 1 request, .*killed in (1h|59min)")));
  EXPECT_THAT(master.log().text(), HasSubstr("draining: 1 worker of generation 1 with 1 connection until "));
}

TEST(Draining, a_worker_that_still_has_a_client_is_killed_at_its_deadline) {
  ConfiguredMaster master(keeps_its_clients("200ms"));
  const std::vector<pid_t> before = master.workers();
  Client client(master.address());
  client.ask("hello");
  master.hup("reload done");
  EXPECT_THAT(master.log().wait_for("did not drain in time"), HasSubstr("generation 1"));
  EXPECT_TRUE(client.wait_closed());
  EXPECT_TRUE(master.all_new(before, 1));
}

TEST(Draining, a_pool_that_is_at_rest_is_not_woken) {
  ConfiguredMaster master(keeps_its_clients("1h"));
  { Client(master.address()).ask("hello"); }
  master.hup("reload done");
  EXPECT_TRUE(eventually([&] { return master.workers().size() == 1; }));
  const auto switches = [&] { return status_field(master.process().pid(), "voluntary_ctxt_switches"); };
  const auto is_woken_in = [&](std::chrono::milliseconds time) {
    const std::string before = switches();
    EXPECT_FALSE(wait_ready(master.process().pidfd(), POLLIN, Deadline(time)));
    return switches() != before;
  };
  // The turn of the last event may not have ended yet, and dead orphans are reaped a moment later.
  ASSERT_TRUE(eventually([&] { return !is_woken_in(std::chrono::milliseconds(300)); }));
  EXPECT_FALSE(is_woken_in(std::chrono::seconds(2)));
}

}  // namespace
}  // namespace preforkd::component
