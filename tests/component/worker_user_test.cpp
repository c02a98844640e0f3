// SPDX-License-Identifier: MIT
// A master that runs as root, with workers that do not: it gets their messages and ignores those of other processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string nobodys_uid = "65534";
constexpr uid_t stranger = 54321;

class WorkerUser : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  }

  static std::string notify_path(pid_t worker) {
    const std::string all = read_file("/proc/" + std::to_string(worker) + "/environ");
    const std::size_t begin = all.find("NOTIFY_SOCKET=") + std::strlen("NOTIFY_SOCKET=");
    return all.substr(begin, all.find('\0', begin) - begin);
  }
  // Sends from a process of another user, and returns its pid when it has ended.
  static pid_t send_as(uid_t user, const std::string& path, const std::string& text) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const pid_t pid = ::fork();
    if (pid == 0) {
      const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (::setuid(user) != 0) ::_exit(1);
      const ssize_t sent =
          ::sendto(fd, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof address);
      ::_exit(sent > 0 ? 0 : 2);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0) << "the path is out of reach for other users";
    return pid;
  }
};

TEST_F(WorkerUser, a_program_that_drops_root_before_it_starts_is_ready_and_pings) {
  const std::vector<std::string> as_nobody{"/usr/bin/setpriv", "--reuid",        nobodys_uid,           "--regid",
                                           nobodys_uid,        "--clear-groups", binaries::prefork_echo};
  if (run(as_nobody.front(), {as_nobody.begin() + 1, as_nobody.end()}).status == 126) GTEST_SKIP() << "no way there";
  const Master master(as_nobody, with_workers(1, {"--set", "hang_timeout=2s"}));
  master.wait_ready();
  const std::vector<pid_t> workers = master.workers();
  ASSERT_EQ(workers.size(), 1U);
  EXPECT_THAT(status_field(workers[0], "Uid"), HasSubstr(nobodys_uid));
  // A pool that started later, with a longer timeout, has reported its worker as hung.
  const Master other({binaries::worker("does_as_told")}, with_workers(1, {"--set", "hang_timeout=3s"}));
  other.log().wait_for(" died (hung)");
  EXPECT_THAT(master.log().text(), Not(HasSubstr("(hung)")));
  EXPECT_EQ(master.workers(), workers);
}

TEST_F(WorkerUser, a_program_that_drops_root_once_it_is_ready_is_heard) {
  const Master master({binaries::worker("does_as_told")}, with_workers(1));
  master.wait_ready();
  Client client(master.address());
  client.ask("become " + nobodys_uid);
  client.ask("notify STATUS=as nobody");
  client.ask("barrier");
  EXPECT_THAT(status_field(master.workers().at(0), "Uid"), HasSubstr(nobodys_uid));
  master.signal(SIGUSR1);
  EXPECT_THAT(master.log().wait_for("  worker 0: pid "), HasSubstr("\"as nobody\""));
}

TEST_F(WorkerUser, one_that_became_root_under_a_master_that_is_not_can_t_be_ended_and_the_log_says_so) {
  const TempDir folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  const std::string program = folder.file("becomes_root");
  std::filesystem::copy_file(binaries::worker("does_as_told"), program);
  ASSERT_EQ(::chmod(program.c_str(), 04755), 0);
  std::vector<std::string> as_nobody{"--reuid",   nobodys_uid,      "--regid",
                                     nobodys_uid, "--clear-groups", binaries::preforkd};
  if (run("/usr/bin/setpriv", as_nobody).status == 126) GTEST_SKIP() << "no way there";
  as_nobody.insert(as_nobody.end(),
                   {"--name", "test", "--listen", "127.0.0.1:0", "--set", "drain_timeout=1ms", "--", program});
  Process master("/usr/bin/setpriv", as_nobody);
  std::string line;
  const std::string address = master.err().wait_for(std::regex("listening on ([^ ]+)"), line)[1];
  Client client(address);
  client.ask("become 0");
  const std::vector<pid_t> workers = children_of(master.pid());
  ASSERT_EQ(workers.size(), 1U);
  master.signal(SIGTERM);
  for (const char* const signal : {"SIGTERM", "SIGKILL"}) {
    EXPECT_THAT(master.err().wait_for(std::string("cannot send ") + signal),
                HasSubstr("(pid " + std::to_string(workers[0]) + "): cannot send " + signal +
                          ": Operation not permitted (EPERM)"));
  }
  ::kill(workers[0], SIGKILL);
  EXPECT_EQ(master.wait_exit().status, 0);
}

TEST_F(WorkerUser, another_users_process_is_not_heard_and_named) {
  const Master master({binaries::worker("does_as_told")}, with_workers(1));
  master.wait_ready();
  const pid_t worker = master.workers().at(0);
  const pid_t sender = send_as(stranger, notify_path(worker), "STOPPING=1");
  EXPECT_THAT(master.log().wait_for("ignored an invalid notify message"),
              HasSubstr("it is from pid " + std::to_string(sender) + " of uid " + std::to_string(stranger)));
  EXPECT_THAT(Client(master.address()).ask("hello"), HasSubstr(std::to_string(worker) + ": hello"));
  EXPECT_THAT(master.log().text(), Not(HasSubstr("drain")));
}

}  // namespace
}  // namespace preforkd::component
