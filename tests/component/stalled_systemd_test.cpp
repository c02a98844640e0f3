// SPDX-License-Identifier: MIT
// If journald hangs or systemd does not read, log lines are lost and messages come late, but the pool serves.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/unique_fd.hpp"
#include "support/binaries.hpp"
#include "support/master.hpp"
#include "support/notify_receiver.hpp"
#include "support/proc.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

// Both of journald's sockets, full, in a folder.
class StalledJournal {
 public:
  StalledJournal() {
    listen(stream_, "stdout", SOCK_STREAM);
    EXPECT_EQ(::listen(stream_.get(), 0), 0);
    listen(native_, "socket", SOCK_DGRAM);
    fill("stdout", SOCK_STREAM);
    fill("socket", SOCK_DGRAM);
  }
  [[nodiscard]] const std::string& folder() const noexcept { return folder_.path(); }

 private:
  void listen(UniqueFd& fd, const char* name, int type) const {
    fd.reset(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    const Address address = parse_address(folder_.file(name)).value();
    EXPECT_EQ(::bind(fd.get(), address.get(), address.length), 0);
  }
  void fill(const char* name, int type) {
    const Address address = parse_address(folder_.file(name)).value();
    for (;;) {
      UniqueFd sender(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (::connect(sender.get(), address.get(), address.length) != 0) break;
      while (type == SOCK_DGRAM && ::send(sender.get(), "x", 1, 0) == 1) continue;
      if (type == SOCK_DGRAM) break;
      clients_.push_back(std::move(sender));
    }
    EXPECT_EQ(errno, EAGAIN);
  }

  TempDir folder_;
  UniqueFd stream_;
  UniqueFd native_;
  std::vector<UniqueFd> clients_;
};

// Runs a program with `folder` as that of journald, and stderr as a journal stream according to $JOURNAL_STREAM.
std::vector<std::string> with_journal(const std::string& folder, const std::vector<std::string>& program) {
  constexpr const char* script =
      "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && mount --bind \"$1\" /run/systemd/journal && "
      "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) && export JOURNAL_STREAM && shift && exec \"$@\"";
  std::vector<std::string> line{"--mount"};
  if (::geteuid() != 0) line.emplace_back("--map-root-user");
  line.insert(line.end(), {"/bin/sh", "-c", script, "sh", folder});
  line.insert(line.end(), program.begin(), program.end());
  return line;
}

constexpr const char* unshare = "/usr/bin/unshare";

TEST(StalledSystemd, a_full_journal_keeps_no_worker_from_being_replaced_and_no_pool_from_stopping) {
  StalledJournal journal;
  if (run(unshare, with_journal(journal.folder(), {"/bin/true"})).status != 0) GTEST_SKIP() << "no mount namespaces";
  Process master(unshare, with_journal(journal.folder(), {binaries::preforkd, "--workers", "2", "--listen",
                                                          "127.0.0.1:0", "--", binaries::worker("does_as_told")}));
  master.err().wait_for("2/2 workers ready");
  const std::vector<pid_t> before = children_of(master.pid());
  ASSERT_EQ(before.size(), 2U);
  ::kill(before.front(), SIGKILL);
  EXPECT_TRUE(eventually([&] {
    const std::vector<pid_t> now = children_of(master.pid());
    return now.size() == 2 && now.front() != before.front() && now.back() != before.front();
  }));
  master.signal(SIGTERM);
  EXPECT_EQ(master.wait_exit().status, 0);
  EXPECT_NE(master.err().wait_closed().find("its last worker has exited"), std::string::npos);
}

TEST(StalledSystemd, a_full_notify_socket_delays_ready_but_not_the_pool) {
  NotifyReceiver systemd;
  systemd.fill();
  Master::Options options = with_workers(1);
  options.start.environment = {{"NOTIFY_SOCKET", systemd.path()}};
  Master master({binaries::worker("does_as_told")}, options);
  master.wait_ready();
  const std::size_t mark = master.log().size();
  ::kill(master.worker(0), SIGKILL);
  EXPECT_GT(master.worker(0, mark), 0);
  EXPECT_EQ(systemd.wait_for("READY", "1").sender, master.pid());
  EXPECT_EQ(master.stop().status, 0);
}

}  // namespace
}  // namespace preforkd::component
