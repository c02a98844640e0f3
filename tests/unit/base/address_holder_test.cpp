// SPDX-License-Identifier: MIT
#include "base/address_holder.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/listener.hpp"
#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A program that has inherited `socket`, with this environment.
class Holder {
 public:
  Holder(int socket, std::vector<std::string> environment) {
    std::vector<char*> variables;
    for (std::string& variable : environment) variables.push_back(variable.data());
    variables.push_back(nullptr);
    std::string program = "tail";
    std::string follow = "-f";
    std::string file = "/dev/null";
    std::array<char*, 4> arguments = {program.data(), follow.data(), file.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket, 3);
    EXPECT_EQ(posix_spawn(&pid_, "/usr/bin/tail", &actions, nullptr, arguments.data(), variables.data()), 0);
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Holder() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  [[nodiscard]] std::string pid() const { return std::to_string(pid_); }

 private:
  pid_t pid_ = 0;
};

std::string failure_to_listen(const std::string& address) {
  const Result<Listener> listener = open_listener(*parse_address(address));
  return listener ? "listens" : listener.error().text;
}

TEST(AddressHolderTest, a_process_that_has_the_address_is_named) {
  const TempFolder folder;
  for (const std::string& address :
       {std::string("127.0.0.1:0"), std::string("[::1]:0"), folder.path("x"), "@preforkd-holder-" + folder.path("")}) {
    Result<Listener> listener = open_listener(*parse_address(address));
    if (!listener) continue;  // no IPv6 here
    const std::string bound = listener->path ? address : format_address(*local_address(listener->fd.get()));
    EXPECT_EQ(describe_holder(*parse_address(bound)), "") << "the caller knows that itself";
    const Holder holder(listener->fd.get(), {});
    listener->fd.reset();
    EXPECT_THAT(failure_to_listen(bound),
                AllOf(HasSubstr("Address already in use (EADDRINUSE): held by \"tail -f /dev/null\" (pid " +
                                holder.pid() + ")")))
        << address;
  }
}

TEST(AddressHolderTest, so_is_one_that_has_an_address_which_takes_it_in) {
  Result<Listener> listener = open_listener(*parse_address("0.0.0.0:0"));
  ASSERT_TRUE(listener) << listener.error().text;
  const std::string port = std::to_string(*local_address(listener->fd.get())->port());
  const Holder holder(listener->fd.get(), {});
  listener->fd.reset();
  EXPECT_THAT(failure_to_listen("127.0.0.1:" + port), HasSubstr("(pid " + holder.pid() + ")"));
  EXPECT_THAT(failure_to_listen("[::]:" + port), HasSubstr("(pid " + holder.pid() + ")"));
}

TEST(AddressHolderTest, a_worker_that_has_outlived_its_master_is_named_with_what_mends_it) {
  Result<Listener> listener = open_listener(*parse_address("127.0.0.1:0"));
  ASSERT_TRUE(listener) << listener.error().text;
  const Address address = *local_address(listener->fd.get());
  const Holder holder(listener->fd.get(), {"PREFORK_POOL=web", "PREFORK_WORKER=3"});
  listener->fd.reset();
  EXPECT_EQ(describe_holder(address), "held by \"tail -f /dev/null\" (pid " + holder.pid() +
                                          "), worker 3 of pool \"web\", whose master is gone: kill " + holder.pid());
}

}  // namespace
}  // namespace preforkd
