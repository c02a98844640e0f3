// SPDX-License-Identifier: MIT
#include "master/sockets/listen_sockets.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>

#include "base/accept_queue.hpp"
#include "base/errors.hpp"
#include "base/listener.hpp"
#include "unit/temp_folder.hpp"

#include "unit/master/listen_on.hpp"

namespace preforkd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

PoolConfig pool(std::vector<ListenConfig> listen) {
  PoolConfig config;
  config.name = "echo";
  config.listen = std::move(listen);
  return config;
}

std::vector<int> fds(const std::vector<ListenSockets::Inherited>& sockets) {
  std::vector<int> fds;
  for (const auto& socket : sockets) fds.push_back(socket.fd);
  return fds;
}

std::vector<std::string> names(const std::vector<ListenSockets::Inherited>& sockets) {
  std::vector<std::string> names;
  for (const auto& socket : sockets) names.push_back(socket.name);
  return names;
}

bool exists(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0;
}

UniqueFd connect_to(const std::string& address) {
  const Address to = parse_address(address).value();
  UniqueFd fd(socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), to.get(), to.length) != 0) fd.reset();
  return fd;
}

bool answers(const std::string& address) { return static_cast<bool>(connect_to(address)); }

std::string failure_of(const PoolConfig& config, int code) {
  try {
    (void)ListenSockets::open(config);
  } catch (const ExitError& error) {
    EXPECT_EQ(error.exit_code(), code);
    return error.what();
  }
  return "opened";
}

// Runs `body` as systemd starts a service: in a process of its own whose descriptors from 3 on are `fds`, announced in
// its environment.
void run_with_passed(const std::vector<int>& fds, const char* names, const std::function<void()>& body) {
  std::cout.flush();  // buffered text would be printed by both processes
  std::fflush(stdout);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // First move them away: a target may be the source of another.
    std::vector<int> kept;
    for (const int fd : fds) kept.push_back(fcntl(fd, F_DUPFD_CLOEXEC, 100));
    for (std::size_t i = 0; i < kept.size(); ++i) dup2(kept[i], 3 + static_cast<int>(i));
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", std::to_string(fds.size()).c_str(), 1);
    if (names != nullptr) setenv("LISTEN_FDNAMES", names, 1);
    body();
    std::cout.flush();
    std::fflush(stdout);
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

UniqueFd listen_as_systemd(const std::string& path) {
  const Address address = parse_address(path).value();
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(bind(fd.get(), address.get(), address.length), 0);
  EXPECT_EQ(listen(fd.get(), 8), 0);
  return fd;
}

TEST(ListenSockets, binds_what_the_config_lists) {
  const TempFolder folder;
  const std::string path = folder.path("x.sock");
  const PoolConfig config = pool({listen_on("127.0.0.1:0"), listen_on(path, "unix")});
  const ListenSockets sockets = ListenSockets::open(config);
  EXPECT_FALSE(sockets.systemd_decides());
  EXPECT_THAT(names(sockets.of(config)), ElementsAre("echo", "unix"));
  EXPECT_THAT(sockets.addresses(), ElementsAre(StartsWith("127.0.0.1:"), path));
  EXPECT_NE(sockets.addresses().front(), "127.0.0.1:0");
  for (const auto& [fd, name, address] : sockets.of(config)) {
    EXPECT_TRUE(check_listener(fd));
    EXPECT_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0) << "as systemd's";
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_THAT(sockets.differences(config), IsEmpty());
}

TEST(ListenSockets, removes_the_paths_it_made_and_leaves_those_that_somebody_else_made) {
  const TempFolder folder;
  const std::string ours = folder.path("ours");
  const std::string theirs = folder.path("theirs");
  UniqueFd successor;
  {
    const ListenSockets sockets = ListenSockets::open(pool({listen_on(ours), listen_on(theirs)}));
    ASSERT_EQ(unlink(theirs.c_str()), 0);
    successor = open_listener(parse_address(theirs).value()).value().fd;
    EXPECT_TRUE(exists(ours));
  }
  EXPECT_FALSE(exists(ours));
  EXPECT_TRUE(exists(theirs));
}

TEST(ListenSockets, a_moved_object_removes_its_paths_once) {
  const TempFolder folder;
  const std::string path = folder.path("x");
  ListenSockets first = ListenSockets::open(pool({listen_on(path)}));
  ListenSockets second = std::move(first);
  first.close();
  EXPECT_TRUE(exists(path));
  second.close();
  EXPECT_FALSE(exists(path));
}

TEST(ListenSockets, an_address_that_is_taken_is_named_and_what_was_bound_before_is_given_back) {
  const TempFolder folder;
  const std::string path = folder.path("x");
  const UniqueFd taken = open_listener(parse_address("127.0.0.1:0").value()).value().fd;
  const std::string address = format_address(local_address(taken.get()).value());
  EXPECT_EQ(failure_of(pool({listen_on(path), listen_on(address)}), exit_code::unavailable),
            "cannot listen: " + address + ": Address already in use (EADDRINUSE)");
  EXPECT_FALSE(exists(path));
}

TEST(ListenSockets, without_any_socket_it_says_what_to_do) {
  PoolConfig config = pool({});
  EXPECT_EQ(failure_of(config, exit_code::usage),
            "no socket to listen on: give --listen ADDRESS, or start it from a systemd .socket unit");
  config.file = "/etc/preforkd/echo.json";
  EXPECT_EQ(failure_of(config, exit_code::config),
            "/etc/preforkd/echo.json: no socket to listen on: add \"listen\": [\"127.0.0.1:9505\"], or start it from a "
            "systemd .socket unit");
}

TEST(ListenSockets, passed_sockets_win_and_their_paths_stay) {
  const TempFolder folder;
  const std::string path = folder.path("x");
  const UniqueFd unix_socket = listen_as_systemd(path);
  const UniqueFd tcp_socket = open_listener(parse_address("127.0.0.1:0").value()).value().fd;
  fcntl(unix_socket.get(), F_SETFL, O_NONBLOCK);
  const std::string tcp = format_address(local_address(tcp_socket.get()).value());
  run_with_passed({unix_socket.get(), tcp_socket.get()}, "preforkd@echo.socket:web", [&] {
    const PoolConfig config = pool({listen_on(path, "admin"), listen_on("127.0.0.1:1", "web"), listen_on("@gone")});
    {
      const ListenSockets sockets = ListenSockets::open(config);
      EXPECT_TRUE(sockets.systemd_decides());
      EXPECT_EQ(getenv("LISTEN_FDS"), nullptr);
      EXPECT_THAT(names(sockets.of(config)), ElementsAre("admin", "web"));
      EXPECT_THAT(sockets.addresses(), ElementsAre(path, tcp));
      EXPECT_THAT(fds(sockets.of(config)), ElementsAre(3, 4));
      EXPECT_THAT(names(sockets.of(pool({}))), ElementsAre("preforkd@echo.socket", "web"));
      EXPECT_NE(fcntl(3, F_GETFL) & O_NONBLOCK, 0) << "a passed socket is not changed";
      EXPECT_EQ(fcntl(4, F_GETFL) & O_NONBLOCK, 0);
      EXPECT_NE(fcntl(4, F_GETFD) & FD_CLOEXEC, 0);
      fcntl(4, F_SETFL, O_NONBLOCK);  // as a worker does
      EXPECT_THAT(
          sockets.differences(config),
          ElementsAre("socket web listens on " + tcp + ", but the config says 127.0.0.1:1; the .socket unit decides",
                      "the config's listen address @gone is not among the sockets that systemd passed"));
      EXPECT_THAT(sockets.differences(pool({listen_on(path)})),
                  ElementsAre("listening on " + tcp + " (web), which systemd passed and the config does not list"));
      EXPECT_THAT(sockets.differences(pool({})), IsEmpty());
    }
    EXPECT_EQ(fcntl(3, F_GETFD), -1);
    EXPECT_TRUE(answers(path)) << "a passed socket stays open";
    EXPECT_TRUE(answers(tcp));
  });
  EXPECT_EQ(fcntl(tcp_socket.get(), F_GETFL) & O_NONBLOCK, 0) << "its flags are as they were passed";
}

TEST(ListenSockets, a_passed_socket_that_has_lost_its_path_is_named_with_what_mends_it) {
  const TempFolder folder;
  const std::string path = folder.path("x");
  const UniqueFd unix_socket = listen_as_systemd(path);
  run_with_passed({unix_socket.get()}, "x", [&] {
    ListenSockets sockets = ListenSockets::open(pool({}));
    EXPECT_THAT(sockets.differences(pool({})), IsEmpty());
    ASSERT_EQ(unlink(path.c_str()), 0);
    EXPECT_THAT(sockets.differences(pool({})),
                ElementsAre("no client can connect to " + path +
                            ": its path is gone: restart the .socket unit that passed it"));
  });
}

TEST(ListenSockets, sockets_without_a_name_get_the_pools) {
  const UniqueFd socket = open_listener(parse_address("127.0.0.1:0").value()).value().fd;
  run_with_passed({socket.get()}, nullptr,
                  [] { EXPECT_THAT(names(ListenSockets::open(pool({})).of(pool({}))), ElementsAre("echo")); });
}

TEST(ListenSockets, a_passed_descriptor_that_does_not_listen_is_named) {
  const UniqueFd datagram(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  run_with_passed({datagram.get()}, "x", [] {
    EXPECT_EQ(failure_of(pool({}), exit_code::unavailable),
              "cannot listen: LISTEN_FDS: descriptor 3 (x): is a datagram socket, not a stream socket");
  });
}

TEST(ListenSockets, what_another_version_has_stored_is_left_aside) {
  const UniqueFd stored(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const UniqueFd listener = open_listener(parse_address("127.0.0.1:0").value()).value().fd;
  run_with_passed({stored.get(), listener.get()}, "preforkd-table:preforkd-web.socket", [] {
    const ListenSockets sockets = ListenSockets::open(pool({}));
    EXPECT_THAT(names(sockets.of(pool({}))), ElementsAre("preforkd-web.socket"));
    EXPECT_EQ(fcntl(3, F_GETFD), -1);
  });
  run_with_passed({stored.get()}, "preforkd-table", [] {
    EXPECT_FALSE(ListenSockets::open(pool({listen_on("127.0.0.1:0")})).systemd_decides()) << "binds its own";
  });
}

TEST(ListenSocketsReload, binds_what_is_new_and_leaves_what_is_kept) {
  const PoolConfig before = pool({listen_on("127.0.0.1:0")});
  ListenSockets sockets = ListenSockets::open(before);
  const int kept = sockets.of(before)[0].fd;
  const PoolConfig after = pool({listen_on("127.0.0.1:0", "new"), listen_on("127.0.0.1:0", "renamed")});
  ASSERT_TRUE(sockets.stage(after));
  EXPECT_THAT(fds(sockets.of(before)), ElementsAre(kept)) << "workers of the old generation get what they always got";
  const auto inherited = sockets.of(after);
  EXPECT_THAT(names(inherited), ElementsAre("new", "renamed"));
  EXPECT_EQ(inherited[0].fd, kept);
  EXPECT_NE(inherited[1].fd, kept);
  const ListenSockets::Changes changes = sockets.commit(after);
  EXPECT_THAT(changes.opened, ElementsAre(sockets.addresses()[1]));
  EXPECT_THAT(changes.closed, IsEmpty());
  EXPECT_EQ(fds(sockets.of(after)), fds(inherited));
}

TEST(ListenSocketsReload, closes_what_is_gone_at_the_commit_only_and_removes_its_path) {
  const TempFolder folder;
  const std::string path = folder.path("x");
  const PoolConfig before = pool({listen_on(path), listen_on("127.0.0.1:0")});
  ListenSockets sockets = ListenSockets::open(before);
  const int kept = sockets.of(before)[1].fd;
  const PoolConfig after = pool({listen_on("127.0.0.1:0")});
  ASSERT_TRUE(sockets.stage(after));
  EXPECT_THAT(fds(sockets.of(after)), ElementsAre(kept));
  EXPECT_EQ(sockets.of(before).size(), 2U);
  EXPECT_TRUE(answers(path));
  EXPECT_THAT(sockets.commit(after).closed, ElementsAre(path));
  EXPECT_FALSE(exists(path));
  EXPECT_THAT(fds(sockets.of(after)), ElementsAre(kept));
}

TEST(ListenSocketsReload, an_address_that_cannot_be_had_changes_nothing) {
  const TempFolder folder;
  const std::string path = folder.path("x");
  const UniqueFd taken = open_listener(parse_address("127.0.0.1:0").value()).value().fd;
  const std::string address = format_address(local_address(taken.get()).value());
  const PoolConfig before = pool({listen_on("127.0.0.1:0")});
  ListenSockets sockets = ListenSockets::open(before);
  const auto staged = sockets.stage(pool({listen_on(path), listen_on(address)}));
  ASSERT_FALSE(staged);
  EXPECT_EQ(staged.error().text, "cannot listen: " + address + ": Address already in use (EADDRINUSE)");
  EXPECT_FALSE(exists(path));
  EXPECT_EQ(sockets.addresses().size(), 1U);
  EXPECT_TRUE(answers(sockets.addresses()[0]));
}

TEST(ListenSocketsReload, what_was_new_is_closed_again_when_the_reload_fails) {
  const TempFolder folder;
  const std::string path = folder.path("x");
  const PoolConfig before = pool({listen_on("127.0.0.1:0")});
  ListenSockets sockets = ListenSockets::open(before);
  ASSERT_TRUE(sockets.stage(pool({listen_on("127.0.0.1:0"), listen_on(path)})));
  EXPECT_TRUE(answers(path));
  sockets.abandon();
  EXPECT_FALSE(exists(path));
  EXPECT_EQ(sockets.of(before).size(), 1U);
  EXPECT_TRUE(answers(sockets.addresses()[0]));
}

TEST(ListenSocketsReload, a_reload_that_supersedes_another_takes_over_what_both_add) {
  const TempFolder folder;
  const std::string both = folder.path("both");
  const std::string first = folder.path("first");
  const PoolConfig before = pool({listen_on("127.0.0.1:0")});
  ListenSockets sockets = ListenSockets::open(before);
  const PoolConfig one = pool({listen_on("127.0.0.1:0"), listen_on(first), listen_on(both)});
  ASSERT_TRUE(sockets.stage(one));
  const int shared = sockets.of(one)[2].fd;
  const PoolConfig two = pool({listen_on("127.0.0.1:0"), listen_on(both)});
  ASSERT_TRUE(sockets.stage(two));
  EXPECT_FALSE(exists(first));
  EXPECT_TRUE(answers(both));
  EXPECT_EQ(sockets.of(two)[1].fd, shared);
  EXPECT_THAT(sockets.commit(two).opened, ElementsAre(both));
}

TEST(ListenSocketsReload, a_kept_path_gets_its_new_mode_without_a_new_socket) {
  const TempFolder folder;
  const std::string path = folder.path("x");
  PoolConfig config = pool({listen_on(path)});
  ListenSockets sockets = ListenSockets::open(config);
  const int fd = sockets.of(config)[0].fd;
  config.listen[0].options.unix_mode = 0600;
  config.listen[0].options.backlog = 7;
  ASSERT_TRUE(sockets.stage(config));
  struct stat status {};
  ASSERT_EQ(lstat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0666U) << "not before the commit";
  const ListenSockets::Changes changes = sockets.commit(config);
  EXPECT_THAT(changes.problems, IsEmpty());
  EXPECT_THAT(changes.opened, IsEmpty());
  ASSERT_EQ(lstat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(sockets.of(config)[0].fd, fd);
  EXPECT_TRUE(answers(path));
}

TEST(ListenSocketsReload, a_path_that_is_gone_is_bound_again_for_the_new_workers) {
  const TempFolder folder;
  const std::string path = folder.path("x");
  const PoolConfig config = pool({listen_on(path)});
  ListenSockets sockets = ListenSockets::open(config);
  const int before = sockets.of(config)[0].fd;
  ASSERT_TRUE(sockets.stage(config));
  EXPECT_EQ(sockets.of(config)[0].fd, before) << "nothing is lost yet";
  ASSERT_EQ(unlink(path.c_str()), 0);
  EXPECT_THAT(sockets.lost_paths(), ElementsAre(path));
  ASSERT_TRUE(sockets.stage(config));
  EXPECT_NE(sockets.of(config)[0].fd, before);
  EXPECT_TRUE(answers(path));
  sockets.abandon();
  EXPECT_EQ(sockets.of(config)[0].fd, before);
  EXPECT_FALSE(exists(path));
  ASSERT_TRUE(sockets.stage(config));
  const ListenSockets::Changes changes = sockets.commit(config);
  EXPECT_THAT(changes.opened, ElementsAre(path));
  EXPECT_EQ(sockets.of(config).size(), 1U);
  EXPECT_TRUE(answers(path));
  EXPECT_THAT(sockets.lost_paths(), IsEmpty());
}

TEST(ListenSocketsReload, a_switched_link_in_the_path_is_followed) {
  const TempFolder folder;
  ASSERT_EQ(mkdir(folder.path("1").c_str(), 0700), 0);
  ASSERT_EQ(mkdir(folder.path("2").c_str(), 0700), 0);
  ASSERT_EQ(symlink("1", folder.path("now").c_str()), 0);
  const std::string path = folder.path("now/x");
  const PoolConfig config = pool({listen_on(path)});
  ListenSockets sockets = ListenSockets::open(config);
  ASSERT_EQ(unlink(folder.path("now").c_str()), 0);
  ASSERT_EQ(symlink("2", folder.path("now").c_str()), 0);
  ASSERT_TRUE(sockets.stage(config));
  sockets.commit(config);
  EXPECT_TRUE(answers(folder.path("2/x")));
}

TEST(ListenSocketsReload, a_path_that_somebody_else_took_is_not_touched) {
  const TempFolder folder;
  const std::string path = folder.path("x");
  PoolConfig config = pool({listen_on(path)});
  ListenSockets sockets = ListenSockets::open(config);
  ASSERT_EQ(unlink(path.c_str()), 0);
  const UniqueFd theirs = open_listener(parse_address(path).value()).value().fd;
  config.listen[0].options.unix_mode = 0600;
  EXPECT_THAT(sockets.stage(config).error().text, HasSubstr("another process listens there"));
  struct stat status {};
  ASSERT_EQ(lstat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0666U);
}

// Like a draining worker that holds it, or a process that a worker has left behind.
struct HeldSocket {
  HeldSocket(const ListenSockets& sockets, const PoolConfig& config, std::size_t which = 0)
      : address(sockets.of(config)[which].address),
        fd(fcntl(sockets.of(config)[which].fd, F_DUPFD_CLOEXEC, 0)),
        client(connect_to(address)) {}
  [[nodiscard]] bool client_was_hung_up_on() const {
    char byte = 0;
    return recv(client.get(), &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
  }
  std::string address;
  UniqueFd fd;
  UniqueFd client;  // waits in the queue
};

TEST(ListenSocketsReload, what_is_removed_refuses_clients_at_once_and_can_come_back_whoever_holds_it) {
  const TempFolder folder;
  for (const std::string& address : {std::string("127.0.0.1:0"), folder.path("x")}) {
    const PoolConfig before = pool({listen_on(folder.path("kept")), listen_on(address)});
    ListenSockets sockets = ListenSockets::open(before);
    const HeldSocket held(sockets, before, 1);
    ASSERT_TRUE(held.client);
    const PoolConfig after = pool({listen_on(folder.path("kept"))});
    ASSERT_TRUE(sockets.stage(after));
    sockets.commit(after);
    EXPECT_TRUE(held.client_was_hung_up_on()) << address;
    EXPECT_FALSE(answers(held.address));
    const PoolConfig again = pool({listen_on(folder.path("kept")), listen_on(held.address)});
    const auto staged = sockets.stage(again);
    ASSERT_TRUE(staged) << staged.error().text;
    EXPECT_TRUE(answers(held.address));
  }
}

TEST(ListenSocketsReload, what_a_failed_reload_added_can_be_added_by_the_next_one_whoever_holds_it) {
  const TempFolder folder;
  for (const std::string& address : {std::string("127.0.0.1:0"), folder.path("x")}) {
    const PoolConfig before = pool({listen_on(folder.path("kept"))});
    ListenSockets sockets = ListenSockets::open(before);
    const PoolConfig bad = pool({listen_on(folder.path("kept")), listen_on(address)});
    ASSERT_TRUE(sockets.stage(bad));
    const HeldSocket held(sockets, bad, 1);
    sockets.abandon();
    EXPECT_TRUE(held.client_was_hung_up_on()) << address;
    EXPECT_FALSE(answers(held.address));
    const auto staged = sockets.stage(pool({listen_on(folder.path("kept")), listen_on(held.address)}));
    EXPECT_TRUE(staged) << staged.error().text;
  }
}

TEST(ListenSocketsReload, what_the_new_workers_of_a_failed_reload_changed_for_all_is_put_back) {
  const PoolConfig config = pool({listen_on("127.0.0.1:0")});
  ListenSockets sockets = ListenSockets::open(config);
  const HeldSocket worker(sockets, config);
  const std::uint32_t limit = accept_queue(worker.fd.get()).value().limit;
  ASSERT_TRUE(sockets.stage(config));
  EXPECT_THAT(sockets.made_nonblocking(), IsEmpty());
  fcntl(worker.fd.get(), F_SETFL, O_NONBLOCK);
  listen(worker.fd.get(), 3);
  EXPECT_THAT(sockets.made_nonblocking(), ElementsAre(worker.address));
  ASSERT_TRUE(sockets.stage(config)) << "a second reload, which supersedes the first";
  EXPECT_THAT(sockets.abandon(), ElementsAre(HasSubstr("has changed O_NONBLOCK"), HasSubstr("a backlog of 3")));
  EXPECT_EQ(fcntl(worker.fd.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(accept_queue(worker.fd.get()).value().limit, limit);
  EXPECT_THAT(sockets.abandon(), IsEmpty());
}

TEST(ListenSocketsReload, a_commit_leaves_the_flag_to_the_new_workers_and_sets_the_queue_again) {
  const PoolConfig config = pool({listen_on("127.0.0.1:0")});
  ListenSockets sockets = ListenSockets::open(config);
  const HeldSocket worker(sockets, config);
  const std::uint32_t limit = accept_queue(worker.fd.get()).value().limit;
  for (const bool first : {true, false}) {
    ASSERT_TRUE(sockets.stage(config));
    fcntl(worker.fd.get(), F_SETFL, O_NONBLOCK);
    listen(worker.fd.get(), 3);
    EXPECT_EQ(sockets.commit(config).problems.size(), first ? 1U : 0U) << "reported once";
    EXPECT_NE(fcntl(worker.fd.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_EQ(accept_queue(worker.fd.get()).value().limit, limit);
  }
}

TEST(ListenSockets, at_the_end_who_still_holds_a_socket_keeps_no_client_waiting) {
  const TempFolder folder;
  for (const std::string& address :
       {std::string("127.0.0.1:0"), folder.path("x"), "@preforkd-held-" + folder.path("")}) {
    const PoolConfig config = pool({listen_on(address)});
    ListenSockets sockets = ListenSockets::open(config);
    const HeldSocket held(sockets, config);
    sockets.close();
    EXPECT_TRUE(held.client_was_hung_up_on()) << address;
    EXPECT_FALSE(answers(held.address)) << address;
  }
}

TEST(ListenSocketsReload, a_fixed_port_is_its_socket_whatever_stands_before_it) {
  const PoolConfig before = pool({listen_on("127.0.0.1:0")});
  ListenSockets sockets = ListenSockets::open(before);
  const int fd = sockets.of(before)[0].fd;
  const PoolConfig after = pool({listen_on("127.0.0.1:0"), listen_on(sockets.addresses()[0])});
  ASSERT_TRUE(sockets.stage(after));
  EXPECT_EQ(sockets.of(after)[1].fd, fd);
  EXPECT_NE(sockets.of(after)[0].fd, fd);
}

}  // namespace
}  // namespace preforkd
