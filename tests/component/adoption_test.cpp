// SPDX-License-Identifier: MIT
// A master dies, and the next one goes on with its workers. The test takes the place of systemd: it keeps the
// descriptors.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/listener.hpp"
#include "base/pidfd.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/descriptor_store.hpp"
#include "support/load.hpp"
#include "support/message_bus.hpp"
#include "support/proc.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* unit = "preforkd@test.socket";

class Adoption : public testing::Test {
 protected:
  Adoption() { write({{"program", {binaries::example("login")}}}); }

  void write(json config) {
    config["listen"] = {address_};
    if (!config.contains("workers")) config["workers"] = 2;
    folder_.write("test.json", config.dump());
  }
  void start(const std::string& until = "2/2 workers ready") {
    StartOptions options = store_.passing({{unit, listener_.get()}});
    if (!passes_names_)
      std::erase_if(options.environment, [](const auto& each) { return each.first == "LISTEN_FDNAMES"; });
    options.environment.emplace_back("RUNTIME_DIRECTORY", runtime_.path());
    const std::vector<std::string> arguments{
        "--config", folder_.file("test.json"), "--log-level", "debug", "--socket-unit", unit, "--bus", bus_address_};
    master_.emplace(program_, arguments, options);
    log().wait_for(until);
  }
  // Once it has stored these workers, by their ids.
  void kill_master() {
    ASSERT_TRUE(eventually([&] { return store_.names("preforkd-w-") == stored_; }));
    master_->signal(SIGKILL);
    master_->wait_exit();
  }
  void succeed(const std::string& until = "2/2 workers ready") {
    kill_master();
    start(until);
  }

  [[nodiscard]] const Output& log() const { return master_->err(); }
  // Their pids, by the log of the first master.
  std::vector<pid_t> started() {
    std::vector<pid_t> found;
    for (unsigned slot = 0; slot < 2; ++slot) {
      const std::string line = log().wait_for("worker " + std::to_string(slot) + " (pid ");
      found.push_back(std::stoi(line.substr(line.find("(pid ") + 5)));
    }
    return found;
  }
  // By the table of SIGUSR1.
  pid_t worker_of_slot(unsigned slot) {
    const std::size_t mark = log().size();
    master_->signal(SIGUSR1);
    const std::string line = log().wait_for("worker " + std::to_string(slot) + ": pid ", mark);
    return std::stoi(line.substr(line.find("pid ") + 4));
  }
  pid_t replacement_of(pid_t dead, std::size_t mark) {
    log().wait_for("(pid " + std::to_string(dead) + ", ", mark);
    const std::string line = log().wait_for("is ready", mark);
    return std::stoi(line.substr(line.find("(pid ") + 5));
  }

  UniqueFd listener_ = open_listener(*parse_address("127.0.0.1:0")).value().fd;
  std::string address_ = format_address(*local_address(listener_.get()));
  TempDir folder_;
  TempDir runtime_;
  DescriptorStore store_;
  std::string bus_address_ = "none";
  bool passes_names_ = true;
  std::string program_ = binaries::preforkd;
  std::optional<Process> master_;
  std::vector<std::string> stored_{"preforkd-w-1", "preforkd-w-2"};
};

TEST_F(Adoption, keeps_processes_and_connections) {
  write({{"program", {binaries::prefork_echo}}});
  start();
  const std::vector<pid_t> workers = started();
  Client client(address_);
  ASSERT_THAT(client.ask("early"), HasSubstr(": early"));
  Load load(address_);
  load.wait_for_more(50);
  for (int i = 0; i < 5; ++i) {
    succeed();
    EXPECT_THAT(log().text(), HasSubstr("adopted 2 workers of an earlier master"));
    load.wait_for_more(50);
  }
  EXPECT_THAT(client.ask("late"), HasSubstr(": late"));
  EXPECT_THAT(load.stop(), IsEmpty());
  EXPECT_THAT(log().text(), Not(HasSubstr("left behind")));
  for (const pid_t worker : workers) EXPECT_EQ(kill(worker, 0), 0);
  EXPECT_THAT(store_.names("preforkd-image-"), SizeIs(1));
}

TEST_F(Adoption, goes_on_as_if_they_were_its_own) {
  start();
  const std::vector<pid_t> workers = started();
  succeed();
  std::size_t mark = log().size();
  ASSERT_EQ(kill(workers[0], SIGKILL), 0);
  const pid_t next = replacement_of(workers[0], mark);
  stored_ = {"preforkd-w-2", "preforkd-w-3"};
  EXPECT_THAT(Client(address_).ask("i am there"), HasSubstr("Welcome, there"));
  succeed();
  mark = log().size();
  master_->signal(SIGHUP);
  log().wait_for("reload done: generation 2 is live", mark);
  for (const pid_t worker : {workers[1], next}) {
    const UniqueFd pidfd = open_pidfd(worker);
    EXPECT_TRUE(!pidfd || wait_gone(pidfd.get())) << worker;
  }
  EXPECT_TRUE(eventually([&] { return store_.names("preforkd-w-").size() == 2; })) << "those that left are removed";
  master_->signal(SIGTERM);
  EXPECT_EQ(master_->wait_exit().status, 0);
  EXPECT_THAT(store_.names("preforkd-w-"), IsEmpty());
}

TEST_F(Adoption, keeps_what_was_counted_and_is_shown) {
  const MessageBus bus;
  bus_address_ = bus.address();
  start();
  const std::vector<pid_t> workers = started();
  ASSERT_THAT(Client(address_).ask("i am one"), HasSubstr("Welcome, one"));
  const std::size_t mark = log().size();
  ASSERT_EQ(kill(workers[0], SIGKILL), 0);
  replacement_of(workers[0], mark);
  stored_ = {"preforkd-w-2", "preforkd-w-3"};
  succeed();
  log().wait_for("acquired the bus name");
  const auto ctl = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--address=" + bus.address());
    return run(binaries::preforkctl, arguments).out;
  };
  EXPECT_THAT(ctl({"status", "test"}),
              AllOf(HasSubstr(", with 2 workers of an earlier master"), HasSubstr("(1 so far), 1 request")));
  EXPECT_THAT(ctl({"why", "test"}), HasSubstr("died: signal 9 (SIGKILL)"));
  EXPECT_THAT(ctl({"show", "test"}), AllOf(HasSubstr("AdoptedWorkers=2\n"), HasSubstr("Crashes=1\n")));
}

// With the sockets that they have; workers that come later get theirs from the next master.
TEST_F(Adoption, keeps_workers_talking) {
  write({{"program", {binaries::worker("talks")}}});
  start();
  const std::vector<pid_t> workers = started();
  std::vector<Client> clients;
  const auto connect_to = [&](unsigned slot) {
    for (;;) {
      Client client(address_);
      if (client.ask("who").front() == static_cast<char>('0' + slot)) return client;
    }
  };
  for (const unsigned slot : {0U, 1U}) clients.push_back(connect_to(slot));
  const auto answers = [](Client& client, const std::string& line, const std::string& answer) {
    return eventually([&] { return client.ask(line) == answer; });
  };
  ASSERT_TRUE(answers(clients[0], "roster", "1.1"));
  succeed();
  EXPECT_EQ(clients[0].ask("send 1 to a worker that was adopted, too"), "sent");
  EXPECT_TRUE(answers(clients[1], "got", "0 to a worker that was adopted, too"));
  const std::size_t mark = log().size();
  ASSERT_EQ(kill(workers[1], SIGKILL), 0);
  replacement_of(workers[1], mark);
  ASSERT_TRUE(eventually([&] { return clients[0].ask("all to one that came later") == "1"; }));
  EXPECT_EQ(clients[0].ask("roster"), "1.1");
  Client late = connect_to(1);
  EXPECT_TRUE(answers(late, "got", "0 to one that came later"));
}

TEST_F(Adoption, keeps_a_drain) {
  const MessageBus bus;
  bus_address_ = bus.address();
  start();
  const auto ctl = [&](const std::string& verb) {
    log().wait_for("acquired the bus name");
    return run(binaries::preforkctl, {"--address=" + bus.address(), verb, "test"}).out;
  };
  ctl("drain");
  log().wait_for("drained: load balancers");
  succeed();
  EXPECT_THAT(ctl("show"), HasSubstr("Drained=true\n"));
  master_->signal(SIGTERM);
  EXPECT_EQ(master_->wait_exit().status, 0);
  start();
  EXPECT_THAT(ctl("show"), HasSubstr("Drained=false\n")) << "a stop ends it";
}

// systemd makes it blocking for each main process, and the workers share that.
TEST_F(Adoption, keeps_sockets_non_blocking_whose_workers_want_that) {
  const auto is_nonblocking = [&] { return (fcntl(listener_.get(), F_GETFL) & O_NONBLOCK) != 0; };
  start();
  ASSERT_TRUE(is_nonblocking()) << "by libprefork";
  kill_master();
  ASSERT_EQ(fcntl(listener_.get(), F_SETFL, fcntl(listener_.get(), F_GETFL) & ~O_NONBLOCK), 0);
  start();
  EXPECT_TRUE(is_nonblocking());
  master_->signal(SIGTERM);
  master_->wait_exit();
  EXPECT_FALSE(is_nonblocking()) << "as it was passed";
}

TEST_F(Adoption, learns_of_workers_that_died_with_their_master) {
  start();
  const std::vector<pid_t> workers = started();
  kill_master();
  ASSERT_EQ(kill(workers[1], SIGKILL), 0);
  start();
  log().wait_for("worker 1 (pid " + std::to_string(workers[1]) + ", generation 1) ");
  EXPECT_EQ(kill(workers[0], 0), 0);
  EXPECT_THAT(Client(address_).ask("i am there"), HasSubstr("Welcome, there"));
}

TEST_F(Adoption, keeps_the_config_that_the_workers_have) {
  start();
  const std::vector<pid_t> workers = started();
  kill_master();
  folder_.write("test.json", "{ not yet");
  start();
  EXPECT_THAT(log().text(), HasSubstr("the pool keeps the config that it had"));
  for (const pid_t worker : workers) EXPECT_EQ(kill(worker, 0), 0);
  write({{"program", {binaries::example("login")}}, {"workers", 3}});
  const std::size_t mark = log().size();
  master_->signal(SIGHUP);
  log().wait_for("reload done", mark);
  log().wait_for("worker 2 (pid ", mark);
}

TEST_F(Adoption, aborts_the_reload_that_was_going_on) {
  start();
  const std::vector<pid_t> workers = started();
  write({{"program", {"/bin/sleep", "3600"}}});
  std::size_t mark = log().size();
  master_->signal(SIGHUP);
  log().wait_for("generation 2) started", mark);
  stored_.emplace_back("preforkd-w-3");
  succeed("adopted 3 workers of an earlier master");
  log().wait_for("generation 2) left");
  for (const pid_t worker : workers) EXPECT_EQ(kill(worker, 0), 0);
  write({{"program", {binaries::example("login")}}});
  mark = log().size();
  master_->signal(SIGHUP);
  log().wait_for("reload done: generation 3 is live", mark);
}

TEST_F(Adoption, ends_the_workers_if_there_is_no_image_of_them) {
  start();
  const std::vector<pid_t> workers = started();
  const UniqueFd pidfd = open_pidfd(workers[0]);
  kill_master();
  const auto image = store_.contents().begin();
  ASSERT_THAT(image->first, HasSubstr("preforkd-image-"));
  ASSERT_EQ(ftruncate(image->second.front()->get(), 100), 0);
  start();
  EXPECT_THAT(log().text(),
              AllOf(HasSubstr("cannot adopt the workers of an earlier master, which end now: it has a wrong size"),
                    Not(HasSubstr("adopted"))));
  EXPECT_TRUE(eventually([&] {
    const auto& now = store_.contents();
    return store_.names("preforkd-image-") == std::vector<std::string>{"preforkd-image-1"} &&
           now.contains("preforkd-w-1") && now.at("preforkd-w-1").size() == 3;
  })) << "the descriptors of the old ones are removed from the store";
  EXPECT_TRUE(wait_gone(pidfd.get()));
  EXPECT_THAT(Client(address_).ask("i am there"), HasSubstr("Welcome, there"));
}

// A master was killed before it had removed its predecessor's.
TEST_F(Adoption, uses_an_older_image_if_the_newest_cannot_be_used) {
  start();
  const std::vector<pid_t> workers = started();
  kill_master();
  store_.put("preforkd-image-9", UniqueFd(memfd_create("empty", MFD_CLOEXEC)));
  start();
  EXPECT_THAT(log().text(),
              AllOf(HasSubstr("the newest image of the pool cannot be used, but an older one can: it is not an image"),
                    HasSubstr("adopted 2 workers of an earlier master")));
  for (const pid_t worker : workers) EXPECT_EQ(kill(worker, 0), 0);
  EXPECT_TRUE(
      eventually([&] { return store_.names("preforkd-image-") == std::vector<std::string>{"preforkd-image-2"}; }));
}

TEST_F(Adoption, is_no_condition_for_a_start_if_the_names_of_the_descriptors_are_lost) {
  start();
  kill_master();
  passes_names_ = false;
  start();
  EXPECT_THAT(log().text(), Not(HasSubstr("adopted")));
  EXPECT_THAT(Client(address_).ask("i am there"), HasSubstr("Welcome, there"));
}

TEST_F(Adoption, is_the_same_for_a_later_and_an_earlier_version) {
  const std::string later = binaries::other_version("preforkd_more_fields");
  if (later.empty()) GTEST_SKIP() << "no other version is built";
  start();
  const std::vector<pid_t> workers = started();
  for (const std::string& version : {later, binaries::preforkd, later, binaries::preforkd}) {
    program_ = version;
    succeed();
    EXPECT_THAT(log().text(), HasSubstr("adopted 2 workers of an earlier master"));
  }
  EXPECT_EQ(worker_of_slot(0), workers[0]);
  EXPECT_EQ(worker_of_slot(1), workers[1]);
  EXPECT_THAT(Client(address_).ask("i am there"), HasSubstr("Welcome, there"));
}

// In both directions: the pool starts afresh, and the earlier workers finish what they have in hand.
TEST_F(Adoption, is_refused_by_a_version_that_cannot_read_the_image) {
  const std::string other = binaries::other_version("preforkd_other_layout");
  if (other.empty()) GTEST_SKIP() << "no other version is built";
  write({{"program", {binaries::prefork_echo}}});
  start();
  for (const std::string& version : {other, binaries::preforkd}) {
    const pid_t worker = worker_of_slot(0);
    const UniqueFd pidfd = open_pidfd(worker);
    Client client(address_);
    client.send("half a l");
    program_ = version;
    succeed();
    EXPECT_THAT(log().text(),
                AllOf(HasSubstr("cannot adopt the workers of an earlier master, which end now: it has version "),
                      Not(HasSubstr("adopted"))));
    EXPECT_THAT(Client(address_).ask("new"), HasSubstr(": new"));
    client.send("ine\n");
    EXPECT_THAT(client.read_line(), HasSubstr(": half a line"));
    EXPECT_TRUE(eventually([&] {
      static_cast<void>(store_.contents());  // takes what the master says to systemd
      return wait_gone(pidfd.get(), std::chrono::milliseconds(0));
    }));
  }
}

TEST_F(Adoption, is_not_what_follows_a_stop) {
  start();
  ASSERT_TRUE(eventually([&] { return store_.names("preforkd-w-") == stored_; }));
  master_->signal(SIGTERM);
  EXPECT_EQ(master_->wait_exit().status, 0);
  for (const char* const prefix : {"preforkd-image-", "preforkd-program-", "preforkd-w-"})
    EXPECT_THAT(store_.names(prefix), IsEmpty());
  write({{"program", {binaries::example("login")}}, {"workers", 3}});
  start("3/3 workers ready");
  EXPECT_THAT(log().text(), Not(HasSubstr("adopted")));
}

TEST_F(Adoption, stores_the_program_of_a_new_beginning) {
  const std::string program = folder_.file("server");
  std::filesystem::copy_file(binaries::example("login"), program);
  write({{"program", {program}}});
  start();
  kill_master();
  ASSERT_EQ(ftruncate(store_.contents().at("preforkd-image-1").front()->get(), 100), 0);
  std::filesystem::copy_file(binaries::example("login"), program + ".new");
  std::filesystem::rename(program + ".new", program);
  start();
  kill_master();
  start();
  const std::size_t mark = log().size();
  const std::vector<std::string> shown = store_.names("preforkd-program-");
  EXPECT_THAT(shown, ElementsAre("preforkd-program-1"));
  const pid_t worker = worker_of_slot(0);
  ASSERT_EQ(kill(worker, SIGKILL), 0);
  const pid_t next = replacement_of(worker, mark);
  EXPECT_TRUE(std::filesystem::equivalent("/proc/" + std::to_string(next) + "/exe", program));
}

TEST_F(Adoption, is_given_up_after_masters_that_died_of_it) {
  start();
  kill_master();
  const std::string image =
      read_file("/proc/self/fd/" + std::to_string(store_.contents().at("preforkd-image-1").front()->get()));
  UniqueFd older(memfd_create("older", MFD_CLOEXEC));
  ASSERT_EQ(::write(older.get(), image.data(), image.size()), static_cast<ssize_t>(image.size()));
  store_.put("preforkd-image-0", std::move(older));
  const UniqueFd no_socket(memfd_create("no socket", MFD_CLOEXEC));
  const StartOptions options = store_.passing({{unit, listener_.get()}, {"no socket", no_socket.get()}});
  for (int i = 0; i < 5; ++i) {
    Process fails(binaries::preforkd, {"--config", folder_.file("test.json"), "--socket-unit", unit}, options);
    EXPECT_NE(fails.wait_exit().status, 0);
  }
  start();
  EXPECT_THAT(log().text(), HasSubstr("which end now: 5 masters in a row have died as they went on with them"));
}

}  // namespace
}  // namespace preforkd::component
