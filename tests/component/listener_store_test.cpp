// SPDX-License-Identifier: MIT
// Listening sockets that systemd stores for the next master, and those that the socket unit does not hold.
// The test takes the place of systemd at the notify socket.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.hpp"
#include "base/listener.hpp"
#include "support/binaries.hpp"
#include "support/bus_client.hpp"
#include "support/client.hpp"
#include "support/configured_master.hpp"
#include "support/message_bus.hpp"
#include "support/notify_receiver.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A descriptor with its name, as systemd passes them.
using Named = std::pair<int, std::string>;

ino_t number_of(int fd) {
  struct stat status {};
  ::fstat(fd, &status);
  return status.st_ino;
}

class ListenerStore : public testing::Test {
 protected:
  [[nodiscard]] StartOptions passing(const std::vector<Named>& sockets) const {
    StartOptions options;
    options.environment = {{"NOTIFY_SOCKET", systemd.path()}};
    std::string names;
    for (const auto& [fd, name] : sockets) {
      options.descriptors.push_back(fd);
      names += (names.empty() ? "" : ":") + name;
    }
    if (sockets.empty()) return options;
    options.listen_pid = true;
    options.environment.emplace_back("LISTEN_FDS", std::to_string(sockets.size()));
    options.environment.emplace_back("LISTEN_FDNAMES", names);
    return options;
  }
  [[nodiscard]] static json config(const json& listen) {
    return {{"listen", listen}, {"program", {binaries::prefork_echo}}};
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder.file(name); }

  // Other descriptors are stored, too (adoption_test.cpp).
  static bool is_of_listener(const NotifyReceiver::Message& message, const std::string& field) {
    const auto name = message.fields.find("FDNAME");
    return message.fields.contains(field) && name != message.fields.end() &&
           name->second.starts_with("preforkd-listener-");
  }
  NotifyReceiver::Message listener_message(const std::string& field) {
    const Deadline deadline;
    for (;;) {
      NotifyReceiver::Message message = systemd.wait_for(field, {}, deadline);
      if (is_of_listener(message, field)) return message;
    }
  }
  bool never_saw_listener(const std::string& field) {
    static_cast<void>(systemd.receive_all());
    return std::none_of(systemd.seen().begin(), systemd.seen().end(),
                        [&](const NotifyReceiver::Message& message) { return is_of_listener(message, field); });
  }

  static inline const std::vector<std::string> as_service{"--socket-unit", "preforkd@test.socket"};
  static constexpr const char* unit = "preforkd@test.socket";

  NotifyReceiver systemd;
  TempDir folder;
};

UniqueFd open_tcp(const std::string& address = "127.0.0.1:0") {
  return open_listener(*parse_address(address)).value().fd;
}
std::string address_of(const UniqueFd& fd) { return format_address(*local_address(fd.get())); }

// One on which no process listens, nor one of another test in the next moment: the host is this process's own.
std::string free_address() {
  const int pid = getpid();
  return address_of(open_tcp("127.9." + std::to_string(pid / 256 % 256) + '.' + std::to_string(pid % 256) + ":0"));
}

TEST_F(ListenerStore, each_socket_is_stored_once_under_a_name_of_its_own) {
  const UniqueFd passed = open_tcp();
  const json listen = {address_of(passed), path("own")};
  ConfiguredMaster master(config(listen), passing({{passed.get(), unit}}), as_service);
  const auto first = listener_message("FDSTORE");
  const auto second = listener_message("FDSTORE");
  ASSERT_TRUE(!first.stored.empty() && !second.stored.empty());
  EXPECT_EQ(number_of(first.stored.at(0)->get()), number_of(passed.get()));
  EXPECT_EQ(first.fields.at("FDNAME"), "preforkd-listener-" + std::to_string(number_of(passed.get())));
  EXPECT_EQ(first.fields.at("FDPOLL"), "0");
  EXPECT_EQ(second.fields.at("FDNAME"), "preforkd-listener-" + std::to_string(number_of(second.stored.at(0)->get())));
  const std::size_t before = systemd.seen().size();
  master.reload(config(listen));
  systemd.wait_for("READY", "1");
  systemd.wait_for("READY", "1");
  for (std::size_t i = before; i < systemd.seen().size(); ++i)
    EXPECT_FALSE(is_of_listener(systemd.seen()[i], "FDSTORE")) << "it is there already";
}

TEST_F(ListenerStore, by_hand_nothing_is_stored) {
  const ConfiguredMaster master(config({path("own")}), passing({}));
  systemd.wait_for("READY", "1");
  EXPECT_TRUE(never_saw_listener("FDSTORE"));
}

TEST_F(ListenerStore, the_next_master_serves_what_the_killed_one_had_bound_with_all_that_wait_in_its_queue) {
  const std::string tcp = free_address();
  const json listen = {tcp, path("own")};
  std::vector<NotifyReceiver::Message> stored;
  {
    ConfiguredMaster killed(config(listen), passing({}), as_service);
    stored = {listener_message("FDSTORE"), listener_message("FDSTORE")};
    killed.process().signal(SIGKILL);
    killed.process().wait_exit();
  }
  const Client waits_on_tcp(tcp);
  Client waits_on_path(path("own"));
  const ConfiguredMaster next(config(listen),
                              passing({{stored[0].stored.at(0)->get(), stored[0].fields.at("FDNAME")},
                                       {stored[1].stored.at(0)->get(), stored[1].fields.at("FDNAME")}}),
                              as_service);
  EXPECT_THAT(next.log().text(), AllOf(HasSubstr("listening on " + tcp + " (stored by systemd)"),
                                       HasSubstr("listening on " + path("own") + " (stored by systemd)")));
  EXPECT_THAT(Client(path("own")).ask("hello"), HasSubstr(": hello"));
  EXPECT_THAT(waits_on_path.ask("hello"), HasSubstr(": hello"));
}

TEST_F(ListenerStore, a_passed_socket_wins_over_a_stored_one_of_its_address) {
  const UniqueFd passed = open_tcp();
  const std::string name = "preforkd-listener-" + std::to_string(number_of(passed.get()));
  const ConfiguredMaster master(config({address_of(passed)}), passing({{passed.get(), unit}, {passed.get(), name}}),
                                as_service);
  EXPECT_THAT(master.log().text(), AllOf(HasSubstr(address_of(passed) + " (passed to us)"), Not(HasSubstr("stored"))));
  EXPECT_THAT(Client(address_of(passed)).ask("hello"), HasSubstr(": hello"));
  systemd.wait_for("READY", "1");
  EXPECT_TRUE(never_saw_listener("FDSTORE")) << "it is there already";
  EXPECT_TRUE(never_saw_listener("FDSTOREREMOVE"));
}

TEST_F(ListenerStore, a_stored_socket_that_the_config_does_not_list_any_more_is_ended_and_removed) {
  const UniqueFd passed = open_tcp();
  const UniqueFd gone = open_tcp();
  const std::string address = address_of(gone);
  const ConfiguredMaster master(config({address_of(passed)}),
                                passing({{passed.get(), unit}, {gone.get(), "preforkd-listener-17"}}), as_service);
  EXPECT_EQ(listener_message("FDSTOREREMOVE").fields.at("FDNAME"), "preforkd-listener-17");
  EXPECT_FALSE(can_connect(address)) << "although another process still has it";
}

TEST_F(ListenerStore, without_listen_in_the_config_a_stored_socket_stands_for_the_one_that_the_unit_has_lost) {
  const UniqueFd stored = open_tcp();
  json without = config({});
  without.erase("listen");
  {
    const ConfiguredMaster master(without, passing({{stored.get(), "preforkd-listener-17"}}), as_service);
    EXPECT_THAT(Client(address_of(stored)).ask("hello"), HasSubstr(": hello"));
    EXPECT_THAT(systemd.wait_for("READY", "1").fields.at("STATUS"),
                HasSubstr("not applied: listen " + address_of(stored) + ": preforkctl apply test"));
  }
  const UniqueFd passed = open_tcp();
  const std::string old = address_of(stored);
  const ConfiguredMaster master(without, passing({{passed.get(), unit}, {stored.get(), "preforkd-listener-17"}}),
                                as_service);
  EXPECT_THAT(Client(address_of(passed)).ask("hello"), HasSubstr(": hello"));
  EXPECT_FALSE(can_connect(old)) << "the socket unit has another address now";
}

TEST_F(ListenerStore, a_limit_of_the_cpu_is_named_with_what_makes_it_effective_if_the_service_began_without_any) {
  const UniqueFd passed = open_tcp();
  json limited = config({address_of(passed)});
  {
    ConfiguredMaster master(limited, passing({{passed.get(), unit}}), as_service);
    limited["cpu_max"] = "150%";
    limited["pids_max"] = 100;
    EXPECT_THAT(master.reload(limited), HasSubstr("the change is incomplete: cpu_max: preforkctl apply test"));
  }
  ConfiguredMaster restarted(limited, passing({{passed.get(), unit}}), as_service);
  EXPECT_THAT(restarted.reload(limited), Not(HasSubstr("incomplete")));
}

TEST_F(ListenerStore, what_the_socket_unit_does_not_hold_is_bound_and_named_with_what_mends_it_until_it_does) {
  const UniqueFd passed = open_tcp();
  const std::string lost = free_address();
  const json listen = {address_of(passed), lost};
  const std::string not_done = "not applied: listen " + lost + ": preforkctl apply test";
  {
    ConfiguredMaster master(config(listen), passing({{passed.get(), unit}}), as_service);
    EXPECT_THAT(master.log().text(), HasSubstr("preforkd@test.socket does not hold " + lost +
                                               ": preforkd has bound it itself; to fix this: preforkctl apply test"));
    EXPECT_THAT(Client(lost).ask("hello"), HasSubstr(": hello"));
    EXPECT_THAT(systemd.wait_for("READY", "1").fields.at("STATUS"), HasSubstr(not_done));
    master.process().signal(SIGTERM);
    EXPECT_EQ(master.process().wait_exit().status, 0);
  }
  const UniqueFd held = open_tcp(lost);
  const ConfiguredMaster whole(config(listen), passing({{passed.get(), unit}, {held.get(), unit}}), as_service);
  EXPECT_THAT(systemd.wait_for("READY", "1").fields.at("STATUS"), Not(HasSubstr("not applied")));
}

TEST_F(ListenerStore, what_cannot_be_bound_is_left_to_systemd_and_the_rest_served) {
  const UniqueFd passed = open_tcp();
  const std::string nowhere = path("no/such/folder");
  const ConfiguredMaster master(config({nowhere, address_of(passed)}), passing({{passed.get(), unit}}), as_service);
  EXPECT_THAT(master.log().text(),
              HasSubstr("cannot listen: " + nowhere +
                        ": No such file or directory (ENOENT); to have systemd open it: preforkctl apply test"));
  EXPECT_THAT(Client(address_of(passed)).ask("hello"), HasSubstr(": hello"));
}

TEST_F(ListenerStore, a_wrong_config_leaves_in_the_store_only_what_no_socket_unit_has) {
  const UniqueFd passed = open_tcp();
  const UniqueFd lost = open_tcp();
  const auto name = [](const UniqueFd& fd) { return "preforkd-listener-" + std::to_string(number_of(fd.get())); };
  static_cast<void>(folder.write("test.json", "{"));
  const Ended ended = run(binaries::preforkd, {"--config", path("test.json"), "--socket-unit", unit},
                          passing({{passed.get(), unit}, {passed.get(), name(passed)}, {lost.get(), name(lost)}}));
  EXPECT_EQ(ended.status, exit_code::config);
  EXPECT_EQ(systemd.receive().fields.at("FDNAME"), name(passed)) << "its unit can be restarted";
  EXPECT_EQ(systemd.seen().size(), 1U);
  EXPECT_TRUE(never_saw_listener("FDSTORE"));
  EXPECT_EQ(systemd.seen().size(), 1U);
  EXPECT_TRUE(can_connect(address_of(lost)));
}

TEST_F(ListenerStore, with_no_socket_at_all_the_start_fails_with_what_mends_it) {
  static_cast<void>(folder.write("test.json", config({path("no/such/folder")}).dump()));
  const Ended ended = run(binaries::preforkd, {"--config", path("test.json"), "--socket-unit", unit}, passing({}));
  EXPECT_EQ(ended.status, exit_code::unavailable);
  EXPECT_THAT(ended.err, HasSubstr("(ENOENT); to have systemd open it: preforkctl apply test"));
}

TEST_F(ListenerStore, a_reload_that_changes_listen_says_what_it_left_to_systemd_and_serves_all_the_same) {
  const UniqueFd passed = open_tcp();
  const std::string added = free_address();
  ConfiguredMaster master(config({address_of(passed)}), passing({{passed.get(), unit}}), as_service);
  const std::string whole = master.reload(config({address_of(passed)}));
  EXPECT_THAT(whole, Not(HasSubstr("but")));
  EXPECT_THAT(master.reload(config({added, address_of(passed)})),
              HasSubstr("is live, but the change is incomplete: listen " + added + ": preforkctl apply test"));
  EXPECT_THAT(Client(added).ask("hello"), HasSubstr(": hello"));
  const auto name = "preforkd-listener-" + std::to_string(number_of(listener_message("FDSTORE").stored.at(0)->get()));
  const auto stored = listener_message("FDSTORE");
  EXPECT_NE(stored.fields.at("FDNAME"), name);
  EXPECT_THAT(master.reload(config({address_of(passed)})), Not(HasSubstr("but")));
  EXPECT_EQ(listener_message("FDSTOREREMOVE").fields.at("FDNAME"), stored.fields.at("FDNAME"));
  EXPECT_FALSE(can_connect(added)) << "although systemd still has it";
  EXPECT_THAT(master.reload(config({{{"address", address_of(passed)}, {"backlog", 7}}})),
              HasSubstr("the change is incomplete: listen " + address_of(passed) + ": preforkctl apply test"))
      << "its unit has to open it again";
}

TEST_F(ListenerStore, a_reload_that_changes_what_is_writable_says_that_it_left_it_to_systemd) {
  const UniqueFd passed = open_tcp();
  const nlohmann::json before = config({address_of(passed)});
  ConfiguredMaster master(before, passing({{passed.get(), unit}}), as_service);
  nlohmann::json after = before;
  after["writable"] = {"/tmp"};
  EXPECT_THAT(master.reload(after), HasSubstr("the change is incomplete: writable: preforkctl apply test"));
  EXPECT_THAT(master.reload(before), Not(HasSubstr("but")));
}

TEST_F(ListenerStore, a_pool_that_stops_where_no_systemd_answers_leaves_nothing_in_the_store) {
  const std::string address = free_address();
  ConfiguredMaster master(config({address}), passing({}), as_service);
  const auto stored = listener_message("FDSTORE");
  master.process().signal(SIGTERM);
  EXPECT_EQ(master.process().wait_exit().status, 0);
  EXPECT_EQ(listener_message("FDSTOREREMOVE").fields.at("FDNAME"), stored.fields.at("FDNAME"));
  EXPECT_FALSE(can_connect(address)) << "a socket unit can have it";
}

// A systemd that has one socket unit, with this job.
class UnitsOfPool {
 public:
  UnitsOfPool(const std::string& address, const char* unit, std::uint32_t job)
      : client_(address), unit_(unit), job_(job) {
    const auto take = [](sd_bus_message* call, void* self, sd_bus_error*) {
      const UnitsOfPool& units = *static_cast<UnitsOfPool*>(self);
      return sd_bus_reply_method_return(call, "a(ssssssouso)", 1, units.unit_, "", "loaded", "active", "running", "",
                                        "/unit", units.job_, "", "/job");
    };
    if (sd_bus_add_fallback(client_.native(), nullptr, "/", take, this) < 0 ||
        sd_bus_request_name(client_.native(), "org.freedesktop.systemd1", 0) < 0)
      throw HarnessError("no systemd can be made");
  }
  // Answers until the process has ended.
  void serve(const Process& process) {
    while (!wait_ready(process.pidfd(), POLLIN, std::chrono::milliseconds(0)))
      client_.process(std::chrono::milliseconds(20));
  }

 private:
  BusClient client_;
  const char* const unit_;
  const std::uint32_t job_;
};

TEST_F(ListenerStore, at_its_end_all_stay_stored_unless_a_socket_unit_is_about_to_bind) {
  using Job = std::pair<const char*, std::uint32_t>;
  for (const auto& [of, job] : {Job{unit, 0}, Job{"preforkd-test-2-3.socket", 7}, Job{"preforkd-test-2.socket", 7}}) {
    const MessageBus bus;
    UnitsOfPool units(bus.address(), of, job);
    const std::string address = free_address();
    std::vector<std::string> arguments = as_service;
    arguments.insert(arguments.end(), {"--bus", bus.address()});
    ConfiguredMaster master(config({address}), passing({}), arguments);
    const auto stored = listener_message("FDSTORE");
    BusClient caller(bus.address());
    ASSERT_TRUE(eventually([&] { return caller.has_owner("org.preforkd1.test"); }));
    master.process().signal(SIGTERM);
    units.serve(master.process());
    const bool stays = of != std::string("preforkd-test-2.socket");
    EXPECT_EQ(never_saw_listener("FDSTOREREMOVE"), stays) << of;
    EXPECT_EQ(can_connect(address), stays);
    if (!stays) continue;
    EXPECT_EQ(::fcntl(stored.stored.at(0)->get(), F_GETFL) & O_NONBLOCK, 0) << "given back as it was";
  }
}

}  // namespace
}  // namespace preforkd::component
