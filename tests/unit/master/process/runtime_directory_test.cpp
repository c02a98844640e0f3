// SPDX-License-Identifier: MIT
#include "master/process/runtime_directory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/errors.hpp"

namespace preforkd {
namespace {

namespace fs = std::filesystem;

class RuntimeDirectoryTest : public testing::Test {
 protected:
  RuntimeDirectoryTest() {
    EXPECT_NE(mkdtemp(base_.data()), nullptr);
    EXPECT_EQ(chmod(base_.c_str(), 0755), 0);
    unsetenv("RUNTIME_DIRECTORY");
    setenv("XDG_RUNTIME_DIR", base_.c_str(), 1);
  }
  ~RuntimeDirectoryTest() override {
    unsetenv("RUNTIME_DIRECTORY");
    unsetenv("XDG_RUNTIME_DIR");
    fs::remove_all(base_);
  }
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(base_), fs::directory_iterator()));
  }

  std::string base_ = "/tmp/preforkd-test.XXXXXX";
};

void touch(const std::string& path) { UniqueFd(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); }

TEST_F(RuntimeDirectoryTest, lets_others_pass_but_not_look_and_is_gone_at_the_end) {
  {
    const RuntimeDirectory directory("echo");
    EXPECT_TRUE(directory.path().starts_with(base_ + "/preforkd.echo."));
    struct stat there {};
    ASSERT_EQ(stat(directory.path().c_str(), &there), 0);
    EXPECT_EQ(there.st_mode & 07777U, 0711U);
    touch(directory.new_socket_path());
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(RuntimeDirectoryTest, removes_what_killed_masters_of_this_user_left) {
  const std::string leftover = base_ + "/preforkd.echo.abc123";
  const std::string of_another_pool = base_ + "/preforkd.echo.two.abc123";
  const std::string of_something_else = base_ + "/preforkd.abc123";
  for (const std::string& each : {leftover, of_another_pool, of_something_else}) fs::create_directory(each);
  touch(leftover + "/notify.3");
  const RuntimeDirectory directory("echo");
  EXPECT_FALSE(fs::exists(leftover));
  EXPECT_FALSE(fs::exists(of_another_pool));
  EXPECT_TRUE(fs::exists(of_something_else));
}

TEST_F(RuntimeDirectoryTest, gives_each_socket_a_path_that_cannot_be_guessed) {
  const RuntimeDirectory directory("echo");
  const std::string path = directory.new_socket_path();
  EXPECT_TRUE(directory.holds(path));
  EXPECT_NE(directory.new_socket_path(), path);
  EXPECT_GE(path.size() - path.rfind('.'), 12U);
}

// As an ordinary user, since root needs no permission.
TEST_F(RuntimeDirectoryTest, is_made_whatever_the_umask) {
  ASSERT_EQ(chmod(base_.c_str(), 01777), 0);
  const pid_t user = fork();
  if (user == 0) {
    if (geteuid() == 0 && setuid(54321) != 0) _exit(1);
    umask(0777);
    try {
      const RuntimeDirectory directory("echo");
      struct stat there {};
      if (stat(directory.path().c_str(), &there) != 0 || (there.st_mode & 07777U) != 0711U) _exit(2);
      if (!directory.path().starts_with(base_)) _exit(3);
    } catch (const ExitError&) {
      _exit(4);
    }
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(user, &status, 0), user);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(entries(), 0U);
}

TEST_F(RuntimeDirectoryTest, is_not_made_in_another_users_folder) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  setenv("TMPDIR", base_.c_str(), 1);
  ASSERT_EQ(chown(base_.c_str(), 54321, 54321), 0);
  {
    const RuntimeDirectory directory("echo");
    EXPECT_FALSE(directory.path().starts_with(base_));
  }
  ASSERT_EQ(chown(base_.c_str(), 0, 0), 0);
  ASSERT_EQ(chmod(base_.c_str(), 0700), 0);
  {
    const RuntimeDirectory directory("echo");
    EXPECT_FALSE(directory.path().starts_with(base_)) << "a worker that drops root has no access";
  }
  unsetenv("TMPDIR");
}

TEST_F(RuntimeDirectoryTest, is_renewed_when_somebody_removed_it) {
  {
    RuntimeDirectory directory("echo");
    const std::string before = directory.path();
    EXPECT_FALSE(directory.renew());
    fs::remove_all(before);
    EXPECT_TRUE(directory.renew());
    EXPECT_EQ(directory.path(), before);
    EXPECT_TRUE(fs::is_directory(before));
    const RuntimeDirectory second("echo");
    EXPECT_TRUE(fs::is_directory(directory.path())) << "not locked";
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(RuntimeDirectoryTest, goes_elsewhere_when_the_whole_place_is_removed) {
  RuntimeDirectory directory("echo");
  fs::remove_all(base_);
  EXPECT_TRUE(directory.renew());
  EXPECT_TRUE(fs::is_directory(directory.path()));
  EXPECT_FALSE(directory.path().starts_with(base_));
}

TEST_F(RuntimeDirectoryTest, leaves_a_living_masters_folder_alone) {
  const RuntimeDirectory first("echo");
  const std::string path = first.new_socket_path();
  touch(path);
  const RuntimeDirectory second("echo");
  EXPECT_NE(first.path(), second.path());
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(RuntimeDirectoryTest, leaves_a_folder_that_holds_anything_else) {
  const std::string leftover = base_ + "/preforkd.echo.abc123";
  fs::create_directory(leftover);
  touch(leftover + "/precious");
  const RuntimeDirectory directory("echo");
  EXPECT_TRUE(fs::exists(leftover + "/precious"));
}

TEST_F(RuntimeDirectoryTest, uses_systemds_folder_and_keeps_it) {
  const std::string given = base_ + "/given";
  fs::create_directory(given);
  touch(given + "/notify.7");
  touch(given + "/other");
  setenv("RUNTIME_DIRECTORY", (given + ":/run/second").c_str(), 1);
  {
    const RuntimeDirectory directory("echo");
    EXPECT_EQ(directory.path(), given);
    EXPECT_FALSE(fs::exists(given + "/notify.7"));
    const RuntimeDirectory second("echo");
    EXPECT_NE(second.path(), given);
  }
  EXPECT_TRUE(fs::exists(given + "/other"));
}

TEST_F(RuntimeDirectoryTest, goes_elsewhere_if_the_place_is_too_long_or_missing) {
  setenv("XDG_RUNTIME_DIR", (base_ + "/" + std::string(80, 'l')).c_str(), 1);
  const RuntimeDirectory directory(std::string(63, 'n'));
  EXPECT_LT(directory.new_socket_path().size(), sizeof(sockaddr_un::sun_path));
  EXPECT_FALSE(directory.path().starts_with(base_));
}

// As a master that was killed leaves its folder. Returns the path of a socket in it.
std::string leave_folder(const std::string& base) {
  const std::string folder = base + "/preforkd.echo.abc123";
  fs::create_directory(folder);
  touch(folder + "/notify.kept");
  touch(folder + "/notify.other");
  return folder + "/notify.kept";
}

TEST_F(RuntimeDirectoryTest, of_an_earlier_master_goes_on_with_the_sockets_of_its_workers) {
  const std::string kept = leave_folder(base_);
  const std::string folder = base_ + "/preforkd.echo.abc123";
  {
    const RuntimeDirectory directory("echo", {folder, UniqueFd(), {kept}});
    EXPECT_EQ(directory.path(), folder);
    EXPECT_TRUE(directory.holds(kept));
    EXPECT_TRUE(fs::exists(kept));
    EXPECT_FALSE(fs::exists(folder + "/notify.other"));
    const RuntimeDirectory second("echo");
    EXPECT_TRUE(fs::exists(kept)) << "not locked";
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(RuntimeDirectoryTest, goes_on_with_a_lock_that_is_still_held) {
  const std::string kept = leave_folder(base_);
  const std::string folder = base_ + "/preforkd.echo.abc123";
  UniqueFd lock(open(folder.c_str(), O_RDONLY | O_DIRECTORY));
  ASSERT_EQ(flock(lock.get(), LOCK_EX | LOCK_NB), 0);
  {
    const RuntimeDirectory directory("echo", {folder, std::move(lock), {kept}});
    EXPECT_EQ(directory.path(), folder);
    EXPECT_EQ(fcntl(directory.lock(), F_GETFD), FD_CLOEXEC);
    EXPECT_TRUE(fs::exists(kept));
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(RuntimeDirectoryTest, of_systemd_keeps_the_sockets_of_an_earlier_masters_workers) {
  const std::string given = base_ + "/given";
  fs::create_directory(given);
  for (const char* const name : {"/notify.kept", "/notify.other", "/other"}) touch(given + name);
  setenv("RUNTIME_DIRECTORY", given.c_str(), 1);
  {
    const RuntimeDirectory directory("echo", {given, UniqueFd(), {given + "/notify.kept"}});
    EXPECT_EQ(directory.path(), given);
    EXPECT_TRUE(fs::exists(given + "/notify.kept"));
    EXPECT_FALSE(fs::exists(given + "/notify.other"));
  }
  EXPECT_FALSE(fs::exists(given + "/notify.kept"));
  EXPECT_TRUE(fs::exists(given + "/other")) << "the folder is systemd's";
}

TEST_F(RuntimeDirectoryTest, is_a_new_one_if_an_earlier_masters_is_gone_or_in_use) {
  const RuntimeDirectory gone("echo", {base_ + "/preforkd.echo.absent", UniqueFd(), {}});
  EXPECT_TRUE(gone.path().starts_with(base_ + "/preforkd.echo."));
  EXPECT_TRUE(fs::is_directory(gone.path()));
  const RuntimeDirectory in_use("echo", {gone.path(), UniqueFd(), {}});
  EXPECT_NE(in_use.path(), gone.path());
}

}  // namespace
}  // namespace preforkd
