// SPDX-License-Identifier: MIT
#include "master/process/runtime_directory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
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

TEST_F(RuntimeDirectoryTest, IsPrivateAndGoneAtTheEnd) {
  {
    const RuntimeDirectory directory("echo");
    EXPECT_TRUE(directory.path().starts_with(base_ + "/preforkd-echo."));
    struct stat there {};
    ASSERT_EQ(stat(directory.path().c_str(), &there), 0);
    EXPECT_EQ(there.st_mode & 07777U, 0700U);
    touch(directory.socket_path(1));
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(RuntimeDirectoryTest, RemovesWhatKilledMastersOfTheSamePoolLeft) {
  const std::string leftover = base_ + "/preforkd-echo.abc123";
  const std::string of_another_pool = base_ + "/preforkd-echo2.abc123";
  fs::create_directory(leftover);
  fs::create_directory(of_another_pool);
  touch(leftover + "/notify.3");
  const RuntimeDirectory directory("echo");
  EXPECT_FALSE(fs::exists(leftover));
  EXPECT_TRUE(fs::exists(of_another_pool));
}

TEST_F(RuntimeDirectoryTest, IsRenewedWhenSomebodyRemovedIt) {
  {
    RuntimeDirectory directory("echo");
    const std::string before = directory.path();
    directory.renew();
    EXPECT_EQ(directory.path(), before);
    fs::remove_all(before);
    directory.renew();
    EXPECT_TRUE(fs::is_directory(directory.path()));
    const RuntimeDirectory second("echo");
    EXPECT_TRUE(fs::is_directory(directory.path())) << "not locked";
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(RuntimeDirectoryTest, GoesElsewhereWhenTheWholePlaceIsRemoved) {
  RuntimeDirectory directory("echo");
  fs::remove_all(base_);
  directory.renew();
  EXPECT_TRUE(fs::is_directory(directory.path()));
  EXPECT_FALSE(directory.path().starts_with(base_));
}

TEST_F(RuntimeDirectoryTest, LeavesALivingMastersFolderAlone) {
  const RuntimeDirectory first("echo");
  touch(first.socket_path(1));
  const RuntimeDirectory second("echo");
  EXPECT_NE(first.path(), second.path());
  EXPECT_TRUE(fs::exists(first.socket_path(1)));
}

TEST_F(RuntimeDirectoryTest, LeavesAFolderThatHoldsAnythingElse) {
  const std::string leftover = base_ + "/preforkd-echo.abc123";
  fs::create_directory(leftover);
  touch(leftover + "/precious");
  const RuntimeDirectory directory("echo");
  EXPECT_TRUE(fs::exists(leftover + "/precious"));
}

TEST_F(RuntimeDirectoryTest, UsesSystemdsFolderAndKeepsIt) {
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

TEST_F(RuntimeDirectoryTest, GoesElsewhereIfThePlaceIsTooLongOrMissing) {
  setenv("XDG_RUNTIME_DIR", (base_ + "/" + std::string(80, 'l')).c_str(), 1);
  const RuntimeDirectory directory(std::string(63, 'n'));
  EXPECT_LT(directory.socket_path(999'999'999'999).size(), sizeof(sockaddr_un::sun_path));
  EXPECT_FALSE(directory.path().starts_with(base_));
}

}  // namespace
}  // namespace preforkd
