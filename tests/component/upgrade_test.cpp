// SPDX-License-Identifier: MIT
// Another preforkd is executed in place of the running one: the same process, the same workers, the same connections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/pidfd.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/load.hpp"
#include "support/message_bus.hpp"
#include "support/notify_receiver.hpp"
#include "support/proc.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view done = "upgrade done: preforkd ";

// A preforkd at a path of its own, where the test puts others.
class UpgradeInPlace : public testing::Test {
 protected:
  UpgradeInPlace() { put(binaries::preforkd); }

  void start(std::vector<std::string> arguments = {}, const StartOptions& options = {}) {
    const std::string program = binaries::prefork_echo;
    std::vector<std::string> line{"--name", "up", "--listen", "127.0.0.1:0", "--workers", "2", "--log-level", "debug"};
    line.insert(line.end(), arguments.begin(), arguments.end());
    line.insert(line.end(), {"--", program});
    master_.emplace(path(), line, options);
    address_ = log().wait_for("listening on ");
    address_.erase(0, address_.rfind(' ') + 1);
    log().wait_for("2/2 workers ready");
    workers_ = workers();
  }

  [[nodiscard]] std::string path() const { return folder_.file("preforkd"); }
  // As a package manager does it.
  void put(const std::string& file) const {
    std::filesystem::copy_file(file, path() + ".new", std::filesystem::copy_options::overwrite_existing);
    std::filesystem::rename(path() + ".new", path());
  }
  void put_script(const std::string& text) const {
    put(folder_.write("script", "#!/bin/sh\n" + text + "\n"));
    ASSERT_EQ(chmod(path().c_str(), 0755), 0);
  }

  [[nodiscard]] const Output& log() const { return master_->err(); }
  [[nodiscard]] std::vector<pid_t> workers() const {
    std::vector<pid_t> found = children_of(master_->pid());
    std::sort(found.begin(), found.end());
    return found;
  }
  std::string signal_upgrade(std::string_view part) {
    const std::size_t mark = log().size();
    master_->signal(SIGUSR2);
    return log().wait_for(part, mark);
  }
  // The pool works: it serves, replaces a worker that was killed, reloads, and stops.
  void expect_works(unsigned generation) {
    EXPECT_THAT(Client(address_).ask("there"), HasSubstr(": there"));
    std::size_t mark = log().size();
    ASSERT_EQ(kill(workers_.front(), SIGKILL), 0);
    EXPECT_THAT(log().wait_for("died: signal 9", mark), HasSubstr(std::to_string(workers_.front())));
    log().wait_for("is ready", mark);
    mark = log().size();
    master_->signal(SIGHUP);
    log().wait_for("reload done: generation " + std::to_string(generation + 1) + " is live", mark);
    master_->signal(SIGTERM);
    EXPECT_EQ(master_->wait_exit().status, 0) << log().text();
  }

  TempDir folder_;
  std::optional<Process> master_;
  std::string address_;
  std::vector<pid_t> workers_;
};

TEST_F(UpgradeInPlace, keeps_processes_connections_and_counters) {
  start();
  Client client(address_);
  ASSERT_THAT(client.ask("early"), HasSubstr(": early"));
  Load load(address_);
  load.wait_for_more(50);
  for (int i = 0; i < 3; ++i) {
    signal_upgrade(done);
    log().wait_for("2/2 workers ready");
    load.wait_for_more(50);
    EXPECT_EQ(workers(), workers_);
  }
  EXPECT_THAT(client.ask("late"), HasSubstr(": late"));
  EXPECT_THAT(load.stop(), testing::IsEmpty());
  const std::size_t mark = log().size();
  master_->signal(SIGUSR1);
  EXPECT_THAT(log().wait_for("worker 0: ", mark), Not(HasSubstr(" 0 requests")));
  expect_works(1);
}

TEST_F(UpgradeInPlace, goes_on_with_the_live_generation_and_its_program) {
  const std::string program = folder_.file("server");
  std::filesystem::copy_file(binaries::example("login"), program);
  master_.emplace(path(), std::vector<std::string>{"--name", "up", "--listen", "127.0.0.1:0", "--workers", "2",
                                                   "--log-level", "debug", "--", program});
  log().wait_for("2/2 workers ready");
  std::size_t mark = log().size();
  master_->signal(SIGHUP);
  log().wait_for("generation 2 is live", mark);
  ASSERT_TRUE(eventually([&] { return workers().size() == 2; }));
  workers_ = workers();
  std::filesystem::remove(program);
  signal_upgrade(done);
  EXPECT_EQ(workers(), workers_);
  mark = log().size();
  ASSERT_EQ(kill(workers_.front(), SIGKILL), 0);
  EXPECT_THAT(log().wait_for("is ready", mark), HasSubstr("generation 2")) << "the program is held open";
  EXPECT_THAT(signal_upgrade(done), HasSubstr("continues with 2 workers"));
}

TEST_F(UpgradeInPlace, is_refused_if_the_other_one_cannot_go_on) {
  start();
  const std::size_t descriptors = resting_descriptors_of(master_->pid()).size();
  put_script("echo 'preforkd: the image of the pool: it has version 7' >&2; exit 1");
  EXPECT_THAT(signal_upgrade("upgrade refused"),
              HasSubstr(path() + " cannot go on: preforkd: the image of the pool: it has version 7"));
  put_script("chmod 644 $0; echo preforkd 9");
  EXPECT_THAT(signal_upgrade("the upgrade has failed"), HasSubstr("Permission denied"));
  put_script("exit 0");
  EXPECT_THAT(signal_upgrade("upgrade refused"), HasSubstr(path() + " is not a preforkd"));
  put_script("kill -KILL $$");
  EXPECT_THAT(signal_upgrade("upgrade refused"), HasSubstr("SIGKILL"));
  ASSERT_EQ(chmod(path().c_str(), 0644), 0);
  EXPECT_THAT(signal_upgrade("upgrade refused"), HasSubstr("Permission denied"));
  std::filesystem::remove(path());
  EXPECT_THAT(signal_upgrade("upgrade refused"), HasSubstr("No such file or directory"));
  EXPECT_EQ(workers(), workers_);
  EXPECT_EQ(resting_descriptors_of(master_->pid()).size(), descriptors);
  put(binaries::preforkd);
  signal_upgrade(done);
  expect_works(1);
}

TEST_F(UpgradeInPlace, reads_what_a_trial_writes_and_keeps_the_first_part) {
  start();
  put_script("echo no; head -c 300000 /dev/zero | tr '\\0' x; echo; exit 1");
  const std::string refused = signal_upgrade("upgrade refused");
  EXPECT_THAT(refused, HasSubstr(" cannot go on: xxx"));
  EXPECT_LT(refused.size(), 10'000U);
}

TEST_F(UpgradeInPlace, ends_a_trial_with_its_master) {
  start();
  put_script("echo $$ > " + folder_.file("trial.new") + "; mv " + folder_.file("trial.new") + " " +
             folder_.file("trial") + "; exec tail -f /dev/null");
  master_->signal(SIGUSR2);
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(folder_.file("trial")); }));
  const UniqueFd trial = open_pidfd(std::stoi(read_file(folder_.file("trial"))));
  ASSERT_TRUE(trial.valid());
  master_->signal(SIGKILL);
  EXPECT_TRUE(wait_gone(trial.get()));
}

TEST_F(UpgradeInPlace, goes_on_with_a_later_and_an_earlier_version) {
  const std::string later = binaries::other_version("preforkd_more_fields");
  if (later.empty()) GTEST_SKIP() << "no other version is built";
  start();
  Client client(address_);
  for (const std::string& version : {later, binaries::preforkd, later, binaries::preforkd}) {
    put(version);
    EXPECT_THAT(signal_upgrade(done), HasSubstr("continues with 2 workers"));
    EXPECT_THAT(client.ask("again"), HasSubstr(": again"));
    EXPECT_EQ(workers(), workers_);
  }
  expect_works(1);
}

TEST_F(UpgradeInPlace, is_refused_by_a_version_that_cannot_read_the_image) {
  const std::string other = binaries::other_version("preforkd_other_layout");
  if (other.empty()) GTEST_SKIP() << "no other version is built";
  start();
  put(other);
  EXPECT_THAT(signal_upgrade("upgrade refused"), HasSubstr("it has version 1, and this preforkd reads version 2"));
  EXPECT_EQ(workers(), workers_);
  expect_works(1);
}

TEST_F(UpgradeInPlace, waits_for_no_reload) {
  start({"--set", "reload.soak=1min"});
  put(binaries::preforkd);
  std::size_t mark = log().size();
  for (const pid_t worker : workers_) ASSERT_EQ(kill(worker, SIGSTOP), 0);
  master_->signal(SIGHUP);
  log().wait_for("reloading pool", mark);
  EXPECT_THAT(signal_upgrade("upgrade refused"), HasSubstr("a reload is going on"));
  for (const pid_t worker : workers_) ASSERT_EQ(kill(worker, SIGCONT), 0);
}

TEST_F(UpgradeInPlace, tells_systemd_once_more_that_the_pool_serves) {
  NotifyReceiver systemd;
  StartOptions options;
  options.environment = {{"NOTIFY_SOCKET", systemd.path()}};
  start({}, options);
  systemd.wait_for("READY", "1");
  signal_upgrade(done);
  systemd.wait_for("READY", "1");
}

TEST_F(UpgradeInPlace, needs_no_systemd_that_listens) {
  StartOptions options;
  options.environment = {{"NOTIFY_SOCKET", folder_.file("nobody")}};
  start({}, options);
  signal_upgrade(done);
  signal_upgrade(done);
}

TEST_F(UpgradeInPlace, keeps_a_drain_over_a_reload_and_an_upgrade) {
  MessageBus bus;
  start({"--bus", bus.address()});
  log().wait_for("acquired the bus name");
  const auto ctl = [&](const std::vector<std::string>& words) {
    std::vector<std::string> line{"--address=" + bus.address()};
    line.insert(line.end(), words.begin(), words.end());
    const Ended ended = run(binaries::preforkctl, line);
    EXPECT_EQ(ended.status, 0) << ended.err;
    return ended.out;
  };
  ctl({"drain", "up"});
  log().wait_for("drained: load balancers should send no new clients, requested by uid ");
  ctl({"reload", "up"});
  ctl({"upgrade", "up"});
  EXPECT_THAT(ctl({"show", "up"}), AllOf(HasSubstr("Drained=true\n"), HasSubstr("2/2 workers ready, generation 2")));
  EXPECT_THAT(ctl({"status", "up"}), HasSubstr("; drained"));
  EXPECT_THAT(ctl({"metrics", "up"}), HasSubstr("preforkd_drained{pool=\"up\"} 1\n"));
  EXPECT_THAT(Client(address_).ask("there"), HasSubstr(": there"));
  ctl({"undrain", "up"});
  log().wait_for("no longer drained, requested by uid ");
  EXPECT_THAT(ctl({"show", "up"}), HasSubstr("Drained=false\n"));
}

TEST_F(UpgradeInPlace, answers_its_caller_and_takes_the_name_again) {
  MessageBus bus;
  start({"--bus", bus.address()});
  log().wait_for("acquired the bus name");
  const Ended ended = run(binaries::preforkctl, {"--address=" + bus.address(), "upgrade", "up"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err + ended.out,
              AllOf(HasSubstr("upgrade done: preforkd "), HasSubstr("continues with the workers")));
  EXPECT_EQ(workers(), workers_);
  put_script("echo 'no, thanks' >&2; exit 1");
  const Ended refused = run(binaries::preforkctl, {"--address=" + bus.address(), "upgrade", "up"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("cannot go on: no, thanks"));
  EXPECT_EQ(workers(), workers_);
}

}  // namespace
}  // namespace preforkd::component
