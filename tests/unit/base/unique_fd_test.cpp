// SPDX-License-Identifier: MIT
#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <utility>

namespace preforkd {
namespace {

int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, closes_what_it_holds_at_its_end) {
  const int fd = open_null();
  { const UniqueFd owner(fd); }
  EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFd, a_move_takes_the_descriptor_over) {
  UniqueFd first(open_null());
  const int fd = first.get();
  const UniqueFd second(std::move(first));
  EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move): that it is empty is the promise
  EXPECT_EQ(second.get(), fd);
  EXPECT_TRUE(is_open(fd));
}

TEST(UniqueFd, assignment_closes_what_was_held_before) {
  UniqueFd target(open_null());
  const int before = target.get();
  UniqueFd source(open_null());
  const int fd = source.get();
  target = std::move(source);
  EXPECT_FALSE(is_open(before));
  EXPECT_EQ(target.get(), fd);
}

TEST(UniqueFd, assignment_to_itself_keeps_the_descriptor) {
  UniqueFd fd(open_null());
  UniqueFd& same = fd;
  fd = std::move(same);
  EXPECT_TRUE(is_open(fd.get()));
}

TEST(UniqueFd, reset_to_the_same_number_keeps_it_open) {
  UniqueFd fd(open_null());
  fd.reset(fd.get());
  EXPECT_TRUE(is_open(fd.get()));
}

TEST(UniqueFd, release_gives_up_without_closing) {
  UniqueFd fd(open_null());
  const UniqueFd again(fd.release());
  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(again.get()));
}

TEST(UniqueFd, reset_leaves_errno_alone) {
  UniqueFd fd(open_null());
  ::close(fd.get());  // so that the close in reset() fails with EBADF
  errno = ENOENT;
  fd.reset();
  EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace preforkd
