// SPDX-License-Identifier: MIT
// A message bus that is missing, goes away, hangs, or has given the name to another process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include <memory>
#include <string>
#include <thread>

#include "support/client.hpp"
#include "support/proc.hpp"
#include "support/shown_pool.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* shown = "acquired the bus name org.preforkd1.test";
constexpr const char* complaint = "cannot acquire the bus name org.preforkd1.test";

TEST(BusConnection, by_hand_there_is_none_and_nothing_is_said) {
  ConfiguredMaster master(pool_config(1));
  EXPECT_EQ(Client(master.address()).ask("x").substr(0, 2), "0 ");
  EXPECT_THAT(master.log().text(), Not(HasSubstr("bus")));
}

TEST(BusConnection, a_bus_that_is_not_there_yet_is_waited_for_with_one_line) {
  MessageBus bus;
  bus.stop();
  ConfiguredMaster master(pool_config(1), {}, {"--bus", bus.address(), "--log-target", "console-prefixed"});
  EXPECT_THAT(master.log().wait_for(complaint), HasSubstr("the pool runs without D-Bus, retrying"));
  EXPECT_EQ(Client(master.address()).ask("x").substr(0, 2), "0 ");
  bus.start();
  master.log().wait_for(shown);
  const std::string text = master.log().text();
  const std::size_t first = text.find(std::string("<5>") + complaint);
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(text.find(std::string("<5>") + complaint, first + 1), std::string::npos)
      << "further tries are for debugging";
}

TEST(BusConnection, a_bus_that_goes_away_is_connected_to_again_and_shows_the_same) {
  ShownPool pool;
  const std::size_t mark = pool.master.log().size();
  pool.bus.stop();
  pool.master.log().wait_for(complaint, mark);
  EXPECT_EQ(Client(pool.master.address()).ask("x").substr(1, 1), " ");
  pool.bus.start();
  pool.master.log().wait_for(shown, mark);
  BusClient client(pool.bus.address());
  EXPECT_EQ(client.get(test_pool, pool_object, "org.preforkd1.Pool", "ReadyWorkers"), "2");
  EXPECT_EQ(client.get(test_pool, worker_object(1), "org.preforkd1.Worker", "State"), "ready");
  EXPECT_TRUE(client.call(test_pool, pool_object, "Reload").ok());
}

TEST(BusConnection, a_reload_whose_caller_lost_the_bus_goes_on) {
  ShownPool pool;
  nlohmann::json config = pool_config(2);
  config["reload"] = {{"soak", "300ms"}};
  config["drain_timeout"] = "1s";
  pool.master.write(config);
  const std::size_t mark = pool.master.log().size();
  pool.client.call_and_forget(test_pool, pool_object, "Reload");
  pool.master.log().wait_for("reloading pool", mark);
  pool.bus.stop();
  pool.master.log().wait_for("reload done: generation 2 is live", mark);
}

TEST(BusConnection, a_bus_that_hangs_keeps_nobody_from_working) {
  ShownPool pool;
  const pid_t victim = std::stoi(pool.get_worker(0, "PID"));
  pool.bus.daemon().signal(SIGSTOP);
  const std::size_t mark = pool.master.log().size();
  for (int i = 0; i < 10; ++i) {
    const pid_t worker = i == 0 ? victim : pool.master.workers().front();
    const std::size_t before = pool.master.log().size();
    ASSERT_EQ(kill(worker, SIGKILL), 0);
    pool.master.log().wait_for("is ready after", before);
  }
  EXPECT_EQ(pool.master.hup("reload done"), "preforkd: reload done: generation 2 is live");
  pool.bus.daemon().signal(SIGCONT);
  EXPECT_EQ(pool.get("Generation"), "2");
  EXPECT_THAT(pool.master.log().text().substr(mark), Not(HasSubstr(complaint)));
}

TEST(BusConnection, a_bus_that_hangs_from_the_start_does_not_hang_the_pool) {
  MessageBus bus;
  bus.daemon().signal(SIGSTOP);
  ConfiguredMaster master(pool_config(1), {}, {"--bus", bus.address()});
  EXPECT_EQ(Client(master.address()).ask("x").substr(0, 2), "0 ");
  bus.daemon().signal(SIGCONT);
  master.log().wait_for(shown);
}

TEST(BusConnection, a_name_that_is_taken_is_had_when_it_is_free) {
  MessageBus bus;
  auto other = std::make_unique<BusClient>(bus.address());
  ASSERT_GT(sd_bus_request_name(other->native(), test_pool.c_str(), 0), 0);
  ConfiguredMaster master(pool_config(1), {}, {"--bus", bus.address()});
  master.log().wait_for("the bus name org.preforkd1.test is owned by another process; waiting for it");
  EXPECT_THAT(master.log().text(), Not(HasSubstr(shown)));
  other.reset();
  master.log().wait_for(shown);
}

TEST(BusConnection, the_bus_policy_lets_root_own_pools_and_everybody_call_them) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can connect as another user";
  const MessageBus bus(MessageBus::Policy::installed);
  ConfiguredMaster master(pool_config(1), {}, {"--bus", bus.address()});
  master.log().wait_for(shown);
  BusClient nobody(bus.address(), 65534);
  EXPECT_EQ(nobody.get(test_pool, pool_object, "org.preforkd1.Pool", "State"), "running");
  EXPECT_EQ(nobody.call(test_pool, pool_object, "Reload").error, "org.preforkd1.Error.NotAuthorized");
  EXPECT_EQ(sd_bus_request_name(nobody.native(), "org.preforkd1.other", 0), -EACCES);
}

TEST(BusConnection, the_end_of_the_pool_ends_a_reload_that_somebody_waits_for) {
  ShownPool pool;
  nlohmann::json config = pool_config(2);
  config["program"] = {binaries::worker("hangs_on_start")};
  pool.master.write(config);
  const std::size_t mark = pool.master.log().size();
  BusClient::Reply reply;
  std::thread caller([&] { reply = pool.call("Reload"); });
  pool.master.log().wait_for("reloading pool", mark);
  pool.master.process().signal(SIGTERM);
  caller.join();
  EXPECT_EQ(reply.error, "org.preforkd1.Error.Stopping");
  EXPECT_EQ(pool.master.process().wait_exit().status, 0);
}

}  // namespace
}  // namespace preforkd::component
