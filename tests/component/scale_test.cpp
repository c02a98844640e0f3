// SPDX-License-Identifier: MIT
// Pools whose load decides about the number of workers.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/listener.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/configured_master.hpp"
#include "support/deadline.hpp"
#include "support/message_bus.hpp"
#include "support/notify_receiver.hpp"
#include "support/proc.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A worker of `does_as_told` serves one client at a time.
json one_client_each(unsigned min, unsigned max, const json& scale = json::object()) {
  return {{"listen", {"127.0.0.1:0"}},
          {"program", {binaries::worker("does_as_told")}},
          {"workers", {{"min", min}, {"max", max}, {"scale", scale}}}};
}

json many_clients_each(unsigned min, unsigned max, const json& scale = json::object()) {
  json config = one_client_each(min, max, scale);
  config["program"] = {binaries::worker("prefork_does_as_told")};
  return config;
}

void wait_workers(const ConfiguredMaster& master, std::size_t count) {
  EXPECT_TRUE(eventually([&] { return master.workers().size() == count; }))
      << master.workers().size() << " workers, not " << count << '\n'
      << master.log().text();
}

// The master is not woken for a while. That is longer than it looks at the load after a client has connected.
bool comes_to_rest(ConfiguredMaster& master) {
  const auto switches = [&] { return status_field(master.process().pid(), "voluntary_ctxt_switches"); };
  return eventually([&] {
    const std::string before = switches();
    return !wait_ready(master.process().pidfd(), POLLIN, Deadline(std::chrono::milliseconds(2500))) &&
           switches() == before;
  });
}

TEST(Scale, a_client_that_waits_gets_another_worker) {
  ConfiguredMaster master(one_client_each(1, 3));
  Client first(master.address());
  EXPECT_THAT(first.ask("a"), HasSubstr(": a"));
  Client second(master.address());
  EXPECT_THAT(second.ask("b"), HasSubstr("1 "));
  EXPECT_THAT(master.log().wait_for("scaled from"), ContainsRegex("scaled from 1 to 2 workers: 1 client waits, for "));
  EXPECT_THAT(first.ask("c"), HasSubstr("0 "));
}

TEST(Scale, so_does_a_client_of_a_unix_socket) {
  const TempDir folder;
  json config = one_client_each(1, 3);
  config["listen"] = {folder.file("socket")};
  ConfiguredMaster master(config);
  Client first(folder.file("socket"));
  EXPECT_THAT(first.ask("a"), HasSubstr(": a"));
  Client second(folder.file("socket"));
  EXPECT_THAT(second.ask("b"), HasSubstr("1 "));
}

TEST(Scale, one_fewer_worker_that_is_enough_stays) {
  ConfiguredMaster master(one_client_each(1, 3, {{"down", "1s"}}));
  {
    Client first(master.address());
    static_cast<void>(first.ask("a"));
    Client second(master.address());
    static_cast<void>(second.ask("b"));
  }
  EXPECT_THAT(master.log().wait_for("scaled from 2"),
              ContainsRegex("scaled from 2 to 1 worker: fewer were enough for [0-9.]+s"));
  wait_workers(master, 1);
}

// Connects until the worker in slot 1 serves a client, whose answer to `ask` then has `slot_1`. Closes the others.
Client client_of_slot_1(const std::string& address, const std::string& ask, const std::string& slot_1) {
  std::vector<Client> clients;
  for (const Deadline deadline; !deadline.passed();) {
    clients.emplace_back(address);
    if (clients.back().ask(ask).find(slot_1) != std::string::npos) return std::move(clients.back());
  }
  throw std::runtime_error("no connection went to slot 1");
}

bool shrinks_soon(ConfiguredMaster& master) {
  static_cast<void>(wait_ready(master.process().pidfd(), POLLIN, Deadline(std::chrono::milliseconds(3500))));
  return master.log().text().find("scaled from 2") != std::string::npos;
}

TEST(Scale, a_worker_whose_connections_cannot_move_stays_until_they_are_closed) {
  json config = many_clients_each(1, 2, {{"down", "2s"}});
  config["workers"]["initial"] = 2;
  ConfiguredMaster master(config);
  Client client = client_of_slot_1(master.address(), "a", "1 ");
  EXPECT_FALSE(shrinks_soon(master));
  EXPECT_THAT(client.ask("b"), HasSubstr("1 "));
  client.close();
  master.log().wait_for("scaled from 2 to 1");
}

TEST(Scale, a_worker_whose_connections_can_move_leaves_and_they_stay) {
  json config = many_clients_each(1, 2, {{"down", "2s"}});
  config["program"] = {binaries::example("login")};
  config["workers"]["initial"] = 2;
  ConfiguredMaster master(config);
  Client client = client_of_slot_1(master.address(), "who am i", "(worker 1)");
  EXPECT_THAT(client.ask("i am here"), HasSubstr("Welcome, here"));
  master.log().wait_for("scaled from 2 to 1");
  wait_workers(master, 1);
  EXPECT_THAT(client.ask("who am i"), HasSubstr("here (worker 0)"));
}

TEST(Scale, the_only_worker_that_is_ready_stays) {
  const TempDir folder;
  const std::string broken = folder.file("broken");
  const std::string script =
      "[ \"$PREFORK_WORKER\" = 0 ] && [ -e " + broken + " ] && exit 1; exec " + binaries::worker("does_as_told");
  json config = one_client_each(1, 2, {{"down", "3s"}});
  config["program"] = {"/bin/sh", "-c", script};
  config["workers"]["initial"] = 2;
  config["restart"] = {{"max_delay", "100ms"}};
  ConfiguredMaster master(config);
  static_cast<void>(folder.write("broken", ""));
  const std::string line = master.log().wait_for("worker 0 (pid ");
  ASSERT_EQ(kill(std::stoi(line.substr(line.find("(pid ") + 5)), SIGKILL), 0);
  master.log().wait_for("next try in");
  EXPECT_FALSE(shrinks_soon(master));
  EXPECT_THAT(Client(master.address()).ask("a"), HasSubstr("1 "));
  std::filesystem::remove(broken);
  master.log().wait_for("scaled from 2 to 1");
  EXPECT_THAT(Client(master.address()).ask("b"), HasSubstr("0 "));
}

TEST(Scale, workers_at_max_connections_get_another) {
  json config = many_clients_each(1, 3);
  config["settings"] = {{"max_connections", 1}};
  ConfiguredMaster master(config);
  Client first(master.address());
  EXPECT_THAT(first.ask("a"), HasSubstr(": a"));
  EXPECT_THAT(master.log().wait_for("scaled from"),
              HasSubstr("scaled from 1 to 2 workers: every worker has had max_connections for "));
  Client second(master.address());
  EXPECT_THAT(second.ask("b"), HasSubstr("1 "));
  EXPECT_THAT(master.log().wait_for("scaled from 2"), HasSubstr("to 3 workers: every worker has had max_connections"));
}

// One worker is enough for the load, but would be full: the pool would grow again at once.
TEST(Scale, no_worker_leaves_if_the_others_would_be_full) {
  json config = many_clients_each(1, 2, {{"down", "1s"}});
  config["settings"] = {{"max_connections", 2}};
  ConfiguredMaster master(config);
  Client first(master.address());
  Client second(master.address());
  EXPECT_THAT(first.ask("a"), HasSubstr(": a"));
  EXPECT_THAT(second.ask("b"), HasSubstr(": b"));
  wait_workers(master, 2);
  EXPECT_FALSE(wait_ready(master.process().pidfd(), POLLIN, Deadline(std::chrono::milliseconds(2500))));
  EXPECT_THAT(master.log().text(), Not(HasSubstr("scaled from 2")));
  second.close();
  master.log().wait_for("scaled from 2 to 1");
}

int allowed_cpu_count() {
  cpu_set_t cpus{};
  EXPECT_EQ(::sched_getaffinity(0, sizeof cpus, &cpus), 0);
  return CPU_COUNT(&cpus);
}

TEST(Scale, busy_workers_get_another_without_a_new_client) {
  if (allowed_cpu_count() < 2) GTEST_SKIP() << "needs two CPUs, there is one";
  ConfiguredMaster master(many_clients_each(1, 2, {{"busy", "50%"}}));
  Client client(master.address());
  ASSERT_TRUE(comes_to_rest(master));
  std::string work;
  for (int i = 0; i < 1000; ++i) work += "toil\n";
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(client.send_some(work));
    return master.log().text().find("scaled from") != std::string::npos;
  }));
  EXPECT_THAT(master.log().wait_for("scaled from"),
              ContainsRegex("scaled from 1 to 2 workers: the workers were busy for [0-9]+ % of the time in the last"));
}

// Nothing happens that the master could see, except that it looks now and then.
TEST(Scale, busy_workers_of_any_program_get_another_without_a_new_client) {
  if (allowed_cpu_count() < 2) GTEST_SKIP() << "needs two CPUs, there is one";
  ConfiguredMaster master(one_client_each(1, 2, {{"busy", "20%"}}));  // other tests need the CPUs, too
  Client client(master.address());
  EXPECT_THAT(client.ask("a"), HasSubstr("0 "));
  ASSERT_TRUE(comes_to_rest(master));
  client.send("toil\n");
  EXPECT_THAT(master.log().wait_for("scaled from"),
              ContainsRegex("scaled from 1 to 2 workers: the workers were busy for [0-9]+ % of the time in the last"));
}

TEST(Scale, an_operator_decides_until_the_next_reload) {
  ConfiguredMaster master(one_client_each(1, 3));
  master.process().signal(SIGTTIN);
  EXPECT_THAT(master.log().wait_for("SIGTTIN"), HasSubstr("2 workers; the load decides again after a reload"));
  master.process().signal(SIGTTOU);
  EXPECT_THAT(master.log().wait_for("SIGTTOU"), HasSubstr("1 worker; the load decides again after a reload"));
  wait_workers(master, 1);
  Client first(master.address());
  static_cast<void>(first.ask("a"));
  Client second(master.address());
  second.send("b\n");
  master.write(one_client_each(1, 2));
  master.hup("reload done");
  const std::string log = master.log().text();
  EXPECT_THAT(log.substr(0, log.find("reload done")), Not(HasSubstr("scaled from")));
  EXPECT_THAT(second.read_line(), HasSubstr(": b"));
  EXPECT_THAT(master.log().text(), HasSubstr("scaled from 1 to 2 workers"));
}

TEST(Scale, an_operator_lets_the_load_decide_again) {
  const MessageBus bus;
  ConfiguredMaster master(one_client_each(1, 3), {}, {"--bus", bus.address()});
  const auto scale = [&](const std::string& workers) {
    return run(binaries::preforkctl, {"--address=" + bus.address(), "scale", "test", workers}).status;
  };
  ASSERT_TRUE(eventually([&] { return scale("1") == 0; }));
  Client first(master.address());
  static_cast<void>(first.ask("a"));
  Client second(master.address());
  second.send("b\n");
  EXPECT_FALSE(wait_ready(master.process().pidfd(), POLLIN, Deadline(std::chrono::milliseconds(500))));
  EXPECT_THAT(master.log().text(), Not(HasSubstr("scaled from")));
  EXPECT_EQ(scale("auto"), 0);
  EXPECT_THAT(second.read_line(), HasSubstr("1 "));
  EXPECT_THAT(master.log().text(), HasSubstr("scaled from 1 to 2 workers: 1 client waits"));
}

// The time for which a client has waited begins again.
TEST(Scale, clients_that_waited_before_an_operator_decided_do_not_count_afterwards) {
  json config = one_client_each(1, 3, {{"up", "2s"}});
  ConfiguredMaster master(config);
  Client first(master.address());
  static_cast<void>(first.ask("a"));
  {
    Client second(master.address());
    second.send("b\n");
    ASSERT_FALSE(wait_ready(master.process().pidfd(), POLLIN, Deadline(std::chrono::milliseconds(500))));
    master.process().signal(SIGTTIN);
    EXPECT_THAT(second.read_line(), HasSubstr("1 "));
  }
  master.process().signal(SIGTTOU);
  wait_workers(master, 1);
  ASSERT_FALSE(wait_ready(master.process().pidfd(), POLLIN, Deadline(std::chrono::seconds(4))));
  Client third(master.address());
  third.send("c\n");
  config["alert_after"] = "3min";
  master.reload(config);
  EXPECT_THAT(master.log().wait_for("scaled from 1 to 2"), ContainsRegex("1 client waits, for [23][.0-9]*s so far"));
  EXPECT_THAT(third.read_line(), HasSubstr(": c"));
}

TEST(Scale, a_config_that_no_longer_scales_has_its_number_of_workers) {
  ConfiguredMaster master(one_client_each(1, 3));
  Client first(master.address());
  static_cast<void>(first.ask("a"));
  Client second(master.address());
  static_cast<void>(second.ask("b"));
  json config = one_client_each(1, 3);
  config["workers"].erase("scale");
  master.reload(config);
  wait_workers(master, 1);
}

TEST(OnDemand, starts_no_worker_before_the_first_client_and_ends_it_after_idle_for) {
  ConfiguredMaster master(one_client_each(0, 2, {{"idle_for", "1s"}}));
  EXPECT_THAT(master.log().wait_for("workers ready"), HasSubstr("0/0 workers ready"));
  EXPECT_THAT(master.workers(), IsEmpty());
  for (int round = 0; round < 2; ++round) {
    const std::size_t mark = master.log().size();
    EXPECT_THAT(Client(master.address()).ask("a"), HasSubstr("0 "));
    EXPECT_THAT(master.log().wait_for("scaled from 0", mark), HasSubstr("scaled from 0 to 1 worker: 1 client waits"));
    EXPECT_THAT(master.log().wait_for("scaled from 1 to 0", mark), HasSubstr("no new client for 1"));
    wait_workers(master, 0);
  }
}

TEST(OnDemand, keeps_its_worker_while_a_client_is_connected) {
  ConfiguredMaster master(many_clients_each(0, 2, {{"idle_for", "1s"}}));
  Client client(master.address());
  static_cast<void>(client.ask("a"));
  EXPECT_FALSE(wait_ready(master.process().pidfd(), POLLIN, Deadline(std::chrono::milliseconds(2500))));
  EXPECT_THAT(client.ask("b"), HasSubstr("0 "));
  EXPECT_THAT(master.log().text(), Not(HasSubstr("scaled from 1")));
  client.close();
  master.log().wait_for("scaled from 1 to 0 workers");
  wait_workers(master, 0);
}

// A service whose socket unit holds `passed`.
StartOptions service_with(const UniqueFd& passed, const NotifyReceiver& systemd) {
  StartOptions options;
  options.descriptors = {passed.get()};
  options.listen_pid = true;
  options.environment = {
      {"NOTIFY_SOCKET", systemd.path()}, {"LISTEN_FDS", "1"}, {"LISTEN_FDNAMES", "preforkd@test.socket"}};
  return options;
}

TEST(OnDemand, as_a_service_preforkd_exits_after_idle_exit_and_leaves_the_socket) {
  const UniqueFd passed = open_listener(*parse_address("127.0.0.1:0")).value().fd;
  const std::string address = format_address(*local_address(passed.get()));
  json config = one_client_each(0, 2, {{"idle_for", "1s"}, {"idle_exit", "1s"}});
  config["listen"] = {address};
  NotifyReceiver systemd;
  const StartOptions options = service_with(passed, systemd);
  const std::vector<std::string> as_service{"--socket-unit", "preforkd@test.socket"};
  for (int round = 0; round < 2; ++round) {
    ConfiguredMaster master(config, options, as_service);
    EXPECT_THAT(Client(address).ask("a"), HasSubstr("0 "));
    EXPECT_EQ(master.process().wait_exit().status, 0);
    EXPECT_THAT(master.log().text(), HasSubstr("no worker and no client for 1s: preforkd exits"));
    EXPECT_TRUE(can_connect(address));
  }
}

TEST(OnDemand, as_a_service_preforkd_stays_as_long_as_the_pool_is_drained) {
  const UniqueFd passed = open_listener(*parse_address("127.0.0.1:0")).value().fd;
  json config = one_client_each(0, 2, {{"idle_for", "1s"}, {"idle_exit", "4s"}});
  config["listen"] = {format_address(*local_address(passed.get()))};
  const NotifyReceiver systemd;
  const MessageBus bus;
  ConfiguredMaster master(config, service_with(passed, systemd),
                          {"--socket-unit", "preforkd@test.socket", "--bus", bus.address()});
  const auto ctl = [&](const std::string& verb) {
    return run(binaries::preforkctl, {"--address=" + bus.address(), verb, "test"});
  };
  ASSERT_TRUE(eventually([&] { return ctl("drain").status == 0; }));
  EXPECT_FALSE(wait_ready(master.process().pidfd(), POLLIN, Deadline(std::chrono::milliseconds(5500))));
  EXPECT_THAT(ctl("show").out, HasSubstr("Drained=true\n"));
  EXPECT_EQ(ctl("undrain").status, 0);
  EXPECT_EQ(master.process().wait_exit().status, 0);
  EXPECT_THAT(master.log().text(), HasSubstr("no worker and no client for 4s: preforkd exits"));
}

TEST(OnDemand, by_hand_preforkd_stays) {
  ConfiguredMaster master(one_client_each(0, 2, {{"idle_for", "1s"}, {"idle_exit", "1s"}}));
  EXPECT_THAT(Client(master.address()).ask("a"), HasSubstr("0 "));
  wait_workers(master, 0);
  EXPECT_FALSE(wait_ready(master.process().pidfd(), POLLIN, Deadline(std::chrono::milliseconds(1500))));
  EXPECT_THAT(Client(master.address()).ask("a"), HasSubstr("0 "));
}

TEST(OnDemand, a_reload_of_an_empty_pool_tries_the_new_program) {
  json config = one_client_each(0, 2, {{"idle_for", "1s"}});
  ConfiguredMaster master(config);
  json broken = config;
  broken["program"] = {binaries::worker("exits_at_once")};
  EXPECT_THAT(master.reload(broken, "reload failed"), HasSubstr("the new worker failed"));
  EXPECT_THAT(Client(master.address()).ask("a"), HasSubstr("0 "));
  wait_workers(master, 0);
  config["drain_timeout"] = "5s";
  master.reload(config);
  wait_workers(master, 0);
}

TEST(OnDemand, a_program_that_fails_is_tried_again_as_long_as_clients_wait) {
  json config = one_client_each(0, 2);
  config["program"] = {binaries::worker("exits_at_once")};
  ConfiguredMaster master(config);
  Client client(master.address());
  client.send("a\n");
  master.log().wait_for("next try in");
  EXPECT_THAT(master.log().text(), Not(HasSubstr("to 2 workers")));
  config["program"] = {binaries::worker("does_as_told")};
  master.reload(config);
  EXPECT_THAT(client.read_line(), HasSubstr(": a"));
}

TEST(OnDemand, a_program_that_fails_is_not_tried_again_without_clients) {
  for (const bool never : {false, true}) {
    json config = one_client_each(0, 2, {{"idle_for", "1s"}});
    config["program"] = {binaries::worker("exits_at_once"), "78"};
    if (never) config["restart"] = {{"never", {78}}};
    ConfiguredMaster master(config);
    Client client(master.address());
    master.log().wait_for(never ? "not tried again" : "next try in");
    client.close();
    master.log().wait_for("scaled from 1 to 0 workers");
    wait_workers(master, 0);
  }
}

// Twice it fails, then it needs longer than idle_for to start.
TEST(OnDemand, a_start_in_progress_ends_before_its_slot_is_given_up) {
  const TempDir folder;
  const std::string fifo = folder.file("fifo");
  ASSERT_EQ(::mkfifo((fifo + "0").c_str(), 0600), 0);
  const std::string script = "echo >>" + folder.file("tries") + "; [ $(wc -l <" + folder.file("tries") +
                             ") -gt 2 ] || exit 1; exec " + binaries::worker("slow_to_start") + " " + fifo;
  json config = one_client_each(0, 2, {{"idle_for", "1s"}, {"down", "1s"}});
  config["program"] = {"/bin/sh", "-c", script};
  ConfiguredMaster master(config);
  Client client(master.address());
  client.send("a\n");
  const UniqueFd start(::open((fifo + "0").c_str(), O_WRONLY | O_CLOEXEC));  // as soon as it is started
  EXPECT_FALSE(wait_ready(master.process().pidfd(), POLLIN, Deadline(std::chrono::milliseconds(2500))));
  EXPECT_THAT(master.log().text(), Not(HasSubstr("scaled from 1 to 0")));
  ASSERT_EQ(::write(start.get(), "\n", 1), 1);
  EXPECT_THAT(client.read_line(), HasSubstr(": a"));
}

TEST(Scale, a_pool_without_load_is_not_woken) {
  ConfiguredMaster master(many_clients_each(1, 3));
  { static_cast<void>(Client(master.address()).ask("a")); }
  EXPECT_TRUE(comes_to_rest(master));
}

TEST(OnDemand, a_pool_without_workers_is_not_woken) {
  ConfiguredMaster master(one_client_each(0, 3, {{"idle_for", "1s"}}));
  EXPECT_TRUE(comes_to_rest(master));
  { static_cast<void>(Client(master.address()).ask("a")); }
  wait_workers(master, 0);
  EXPECT_TRUE(comes_to_rest(master));
}

}  // namespace
}  // namespace preforkd::component
