// SPDX-License-Identifier: MIT
// Sockets that the master opens itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/errors.hpp"
#include "base/pidfd.hpp"
#include "base/unique_fd.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/configured_master.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;

Master start(const std::string& listen, std::vector<std::string> arguments = {}) {
  Master::Options options;
  options.workers = 1;
  options.listen = listen;
  options.arguments = std::move(arguments);
  return Master({binaries::worker("does_as_told")}, options);
}

TEST(Listening, a_unix_path_is_open_to_all_and_removed_at_the_end) {
  const TempDir folder;
  const std::string path = folder.file("socket");
  Master master = start(path);
  master.wait_ready();
  struct stat status {};
  ASSERT_EQ(::lstat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode, S_IFSOCK | 0666U);
  EXPECT_THAT(Client(path).ask("hello"), HasSubstr(": hello"));
  EXPECT_EQ(master.stop().status, 0);
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST(Listening, a_path_left_by_a_killed_master_is_taken_over) {
  const TempDir folder;
  const std::string path = folder.file("socket");
  Master killed = start(path);
  killed.wait_ready();
  const UniqueFd worker = open_pidfd(killed.worker(0));
  killed.signal(SIGKILL);
  killed.process().wait_exit();
  ASSERT_TRUE(wait_gone(worker.get()));
  ASSERT_EQ(::access(path.c_str(), F_OK), 0);
  const Master next = start(path);
  next.wait_ready();
  EXPECT_THAT(Client(path).ask("hello"), HasSubstr(": hello"));
}

TEST(Listening, a_path_that_somebody_serves_is_left_alone) {
  const TempDir folder;
  const std::string path = folder.file("socket");
  const Master first = start(path);
  first.wait_ready();
  Master second = start(path);
  EXPECT_EQ(second.process().wait_exit().status, exit_code::unavailable);
  EXPECT_THAT(second.log().wait_closed(), HasSubstr("cannot listen: " + path + ": another process listens there"));
  EXPECT_THAT(Client(path).ask("hello"), HasSubstr(": hello"));
}

TEST(Listening, a_port_in_use_ends_the_start_with_the_reason) {
  const Master first = start("127.0.0.1:0");
  first.wait_ready();
  Master second = start(first.address());
  EXPECT_EQ(second.process().wait_exit().status, exit_code::unavailable);
  EXPECT_THAT(second.log().wait_closed(),
              HasSubstr("cannot listen: " + first.address() + ": Address already in use (EADDRINUSE)"));
}

TEST(Listening, an_abstract_name_is_served) {
  const std::string name = "@preforkd-test-" + std::to_string(::getpid());
  const Master master = start(name);
  master.wait_ready();
  EXPECT_THAT(Client(name).ask("hello"), HasSubstr(": hello"));
}

TEST(Listening, an_ipv6_address_is_served) {
  Master master = start("[::1]:0");
  if (!eventually([&] { return !master.log().text().empty(); }) ||
      master.log().text().find("cannot listen") != std::string::npos) {
    GTEST_SKIP() << "no IPv6 here: " << master.log().text();
  }
  master.wait_ready();
  EXPECT_THAT(Client(master.address()).ask("hello"), HasSubstr(": hello"));
}

TEST(Listening, connections_wait_in_the_queue_while_no_worker_is_ready) {
  Master::Options options;
  options.workers = 1;
  options.arguments = {"--set", "restart.delay=10ms", "--set", "restart.max_delay=10ms"};
  const Master master({binaries::worker("does_as_told")}, options);
  master.wait_ready();
  ::kill(master.worker(0), SIGSTOP);
  Client waiting(master.address());
  waiting.send("patient\n");
  const std::size_t mark = master.log().size();
  ::kill(master.worker(0), SIGKILL);
  EXPECT_GT(master.worker(0, mark), 0);
  EXPECT_THAT(waiting.read_line(), HasSubstr(": patient"));
}

TEST(Listening, a_tcp_socket_that_a_worker_shuts_down_listens_again) {
  const Master master = start("127.0.0.1:0");
  master.wait_ready();
  EXPECT_THAT(Client(master.address()).ask("shutdown"), HasSubstr(": shutdown"));
  EXPECT_THAT(master.log().wait_for("listening again"),
              HasSubstr(master.address() + ": a worker has called shutdown(2)"));
  EXPECT_THAT(Client(master.address()).ask("hello"), HasSubstr(": hello"));
}

TEST(Listening, a_socket_that_a_reload_has_opened_is_revived_too) {
  const TempDir folder;
  nlohmann::json config = {
      {"listen", {folder.file("socket")}}, {"program", {binaries::worker("does_as_told")}}, {"workers", 1}};
  ConfiguredMaster master(config);
  config["listen"] = {"127.0.0.1:0"};
  const std::size_t mark = master.log().size();
  master.reload(config);
  const std::string address = master.address(mark);
  EXPECT_THAT(Client(address).ask("shutdown"), HasSubstr(": shutdown"));
  master.log().wait_for("listening again");
  EXPECT_THAT(Client(address).ask("hello"), HasSubstr(": hello"));
}

TEST(Listening, workers_of_libprefork_accept_again_when_the_socket_does) {
  Master::Options options;
  options.workers = 2;
  const Master master({binaries::worker("prefork_does_as_told")}, options);
  master.wait_ready();
  EXPECT_THAT(Client(master.address()).ask("shutdown"), HasSubstr(": shutdown"));
  master.log().wait_for("listening again");
  for (const char* slot : {"0 ", "1 "}) {
    EXPECT_TRUE(eventually([&] { return Client(master.address()).ask("hello").starts_with(slot); })) << slot;
  }
}

TEST(Listening, a_unix_path_that_is_removed_is_noticed_at_once_and_the_log_says_what_to_do) {
  const TempDir folder;
  const std::string path = folder.file("socket");
  const Master master = start(path);
  master.wait_ready();
  ASSERT_EQ(::unlink(path.c_str()), 0);
  EXPECT_THAT(master.log().wait_for("no client can connect"),
              HasSubstr("no client can connect to " + path + ": its path is gone: reload the pool"));
}

TEST(Listening, a_port_that_another_pool_has_is_refused_with_its_name) {
  const Master first = start("127.0.0.1:0");
  first.wait_ready();
  Master second = start(first.address());
  EXPECT_THAT(second.log().wait_closed(), HasSubstr("(EADDRINUSE): held by \"preforkd: "));
}

TEST(Listening, a_unix_socket_that_a_worker_shuts_down_is_bound_again_by_a_reload_as_the_log_says) {
  const TempDir folder;
  const std::string path = folder.file("socket");
  const Master master = start(path);
  master.wait_ready();
  EXPECT_THAT(Client(path).ask("shutdown"), HasSubstr(": shutdown"));
  EXPECT_THAT(master.log().wait_for("no client can connect"),
              testing::AllOf(HasSubstr("preforkd: " + path + ": a worker has called shutdown(2)"),
                             HasSubstr("reload the pool, which binds it again")));
  EXPECT_THROW(Client{path}, std::exception);
  master.signal(SIGHUP);
  master.log().wait_for("reload done");
  EXPECT_THAT(Client(path).ask("hello"), HasSubstr(": hello"));
}

}  // namespace
}  // namespace preforkd::component
