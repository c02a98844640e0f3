// SPDX-License-Identifier: MIT
#include "base/file_identity.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.hpp"
#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

TEST(FileIdentity, is_the_same_by_every_name_of_a_file_and_by_its_descriptor) {
  const TempFolder folder;
  const std::string path = folder.path() + "/file";
  const UniqueFd fd(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const std::string other = folder.path() + "/other";
  ASSERT_EQ(link(path.c_str(), other.c_str()), 0);
  EXPECT_TRUE(same_file(FileIdentity::of(fd.get()), FileIdentity::at(path.c_str())));
  EXPECT_TRUE(same_file(FileIdentity::at(other.c_str()), FileIdentity::at(path.c_str())));
  EXPECT_FALSE(same_file(FileIdentity::at(folder.path().c_str()), FileIdentity::at(path.c_str())));
}

TEST(FileIdentity, of_a_link_is_that_of_its_target_unless_it_is_not_followed) {
  const TempFolder folder;
  const std::string path = folder.path() + "/file";
  const UniqueFd fd(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const std::string other = folder.path() + "/link";
  ASSERT_EQ(symlink(path.c_str(), other.c_str()), 0);
  EXPECT_TRUE(same_file(FileIdentity::at(other.c_str()), FileIdentity::of(fd.get())));
  EXPECT_FALSE(same_file(FileIdentity::at(other.c_str(), AT_SYMLINK_NOFOLLOW), FileIdentity::of(fd.get())));
}

TEST(FileIdentity, what_is_not_there_is_not_the_same_as_anything) {
  errno = 0;
  EXPECT_FALSE(FileIdentity::at("/nowhere"));
  EXPECT_EQ(errno, ENOENT);
  EXPECT_FALSE(FileIdentity::of(-1));
  EXPECT_FALSE(same_file(FileIdentity::at("/nowhere"), FileIdentity::of(-1)));
}

}  // namespace
}  // namespace preforkd
