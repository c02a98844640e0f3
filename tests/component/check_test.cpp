// SPDX-License-Identifier: MIT
// preforkd --check: whether the addresses of a config can be bound.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/errors.hpp"
#include "base/listener.hpp"
#include "support/binaries.hpp"
#include "support/configured_master.hpp"
#include "support/proc.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class CheckAddress : public testing::Test {
 protected:
  Ended check(const std::string& address, const std::string& pool = "web", const std::vector<std::string>& by = {}) {
    const nlohmann::json config{{"listen", {address}}, {"program", {"/bin/true"}}};
    std::vector<std::string> command = by;
    command.insert(command.end(),
                   {binaries::preforkd, "--check", "--config", folder_.write(pool + ".json", config.dump())});
    return run(command.front(), {command.begin() + 1, command.end()});
  }

  TempDir folder_;
};

TEST_F(CheckAddress, that_is_free_is_fine_and_stays_free) {
  for (const std::string& address : {std::string("127.0.0.1:0"), folder_.file("x.sock"), "@" + folder_.file("x")}) {
    const Ended ended = check(address);
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_THAT(ended.err, IsEmpty());
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.file("x.sock")));
}

TEST_F(CheckAddress, that_another_process_has_is_a_problem_that_names_it) {
  for (const std::string& address : {std::string("127.0.0.1:0"), folder_.file("x.sock"), "@" + folder_.file("x")}) {
    const Result<Listener> listener = open_listener(*parse_address(address));
    ASSERT_TRUE(listener) << listener.error().text;
    const Ended ended = check(listener->path ? address : format_address(*local_address(listener->fd.get())));
    EXPECT_EQ(ended.status, exit_code::unavailable);
    EXPECT_THAT(ended.err, AllOf(HasSubstr("cannot listen: "), HasSubstr("in use (EADDRINUSE): held by \""),
                                 HasSubstr("(pid " + std::to_string(::getpid()) + ")")));
    pollfd client{listener->fd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&client, 1, 0), 0) << "no client has connected";
  }
}

TEST_F(CheckAddress, that_the_pool_of_that_name_has_is_fine) {
  const ConfiguredMaster master({{"listen", {"127.0.0.1:0"}}, {"program", {binaries::worker("prefork_does_as_told")}}});
  const Ended own = check(master.address(), "test");
  EXPECT_EQ(own.status, 0) << own.err;
  EXPECT_THAT(own.err, IsEmpty());
  const Ended other = check(master.address(), "web");
  EXPECT_EQ(other.status, exit_code::unavailable);
  EXPECT_THAT(other.err, HasSubstr("held by \"preforkd: test master\""));
}

TEST_F(CheckAddress, whose_stale_path_begins_as_another_one_is_fine) {
  static_cast<void>(open_listener(*parse_address(folder_.file("x"))));
  ASSERT_TRUE(std::filesystem::exists(folder_.file("x")));
  const Result<Listener> other = open_listener(*parse_address(folder_.file("x.other")));
  const Ended ended = check(folder_.file("x"));
  EXPECT_EQ(ended.status, 0) << ended.err;
}

TEST_F(CheckAddress, whose_path_is_no_socket_is_a_problem) {
  const Ended ended = check(folder_.write("file", "kept"));
  EXPECT_EQ(ended.status, exit_code::unavailable);
  EXPECT_THAT(ended.err, HasSubstr("the path exists and is not a socket"));
  EXPECT_EQ(read_file(folder_.file("file")), "kept");
}

TEST_F(CheckAddress, that_the_machine_does_not_have_now_is_a_doubt) {
  const Ended ended = check("192.0.2.1:80");
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.err, HasSubstr(".json: may not be able to listen: 192.0.2.1:80: "));
}

TEST_F(CheckAddress, that_is_a_port_of_roots_is_a_doubt_of_others) {
  if (std::stoi(read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start")) < 2) GTEST_SKIP() << "all ports are free";
  const std::string setpriv = "/usr/bin/setpriv";
  if (::geteuid() == 0 && !std::filesystem::exists(setpriv)) GTEST_SKIP() << "there is no " << setpriv;
  std::vector<std::string> by;
  if (::geteuid() == 0) by = {setpriv, "--bounding-set=-net_bind_service"};
  const Ended ended = check("127.0.0.1:1", "web", by);
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err, AllOf(HasSubstr("127.0.0.1:1: Permission denied (EACCES): only root"),
                               HasSubstr("a socket unit of systemd can bind it")));
}

}  // namespace
}  // namespace preforkd::component
