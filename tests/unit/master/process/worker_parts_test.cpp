// SPDX-License-Identifier: MIT
#include "master/process/worker_parts.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <initializer_list>
#include <utility>
#include <vector>

namespace preforkd {
namespace {

UniqueFd make_socket(int family, int type) { return UniqueFd(socket(family, type, 0)); }
UniqueFd make_control() { return make_socket(AF_UNIX, SOCK_SEQPACKET); }
UniqueFd make_notify() { return make_socket(AF_UNIX, SOCK_DGRAM); }
UniqueFd make_stats() { return UniqueFd(memfd_create("stats", 0)); }

using Maker = UniqueFd (*)();
std::optional<WorkerDescriptors> sort(std::initializer_list<Maker> makers) {
  std::vector<UniqueFd> descriptors;
  for (const Maker make : makers) descriptors.push_back(make());
  return sort_descriptors(std::move(descriptors));
}

TEST(WorkerDescriptorsTest, are_told_apart_in_any_order) {
  std::vector<UniqueFd> descriptors;
  descriptors.push_back(make_stats());
  descriptors.push_back(make_control());
  descriptors.push_back(make_notify());
  const std::array<int, 3> numbers{descriptors[0].get(), descriptors[1].get(), descriptors[2].get()};
  const auto sorted = sort_descriptors(std::move(descriptors));
  ASSERT_TRUE(sorted);
  EXPECT_EQ(sorted->stats.get(), numbers[0]);
  EXPECT_EQ(sorted->control.get(), numbers[1]);
  EXPECT_EQ(sorted->notify.get(), numbers[2]);
  for (const int fd : numbers) EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

// Programs close descriptors that they do not know, and then systemd drops the other end.
TEST(WorkerDescriptorsTest, may_have_no_control_channel) {
  const auto sorted = sort({make_notify, make_stats});
  ASSERT_TRUE(sorted);
  EXPECT_FALSE(sorted->control);
}

TEST(WorkerDescriptorsTest, must_all_else_be_there_once) {
  EXPECT_TRUE(sort({make_notify, make_stats, make_control}));
  EXPECT_FALSE(sort({}));
  EXPECT_FALSE(sort({make_stats, make_control}));
  EXPECT_FALSE(sort({make_notify, make_control}));
  EXPECT_FALSE(sort({make_notify, make_control, make_stats, make_stats}));
  EXPECT_FALSE(sort({make_notify, make_control, make_control, make_stats}));
}

TEST(WorkerDescriptorsTest, must_be_nothing_else) {
  EXPECT_FALSE(sort({make_notify, make_control, make_stats, [] { return make_socket(AF_UNIX, SOCK_STREAM); }}));
  EXPECT_FALSE(sort({[] { return make_socket(AF_INET, SOCK_DGRAM); }, make_control, make_stats}));
  EXPECT_FALSE(sort({make_notify, make_control, [] { return UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)); }}));
  EXPECT_FALSE(sort({make_notify, make_control, [] { return UniqueFd(open("/", O_RDONLY | O_CLOEXEC)); }}));
  EXPECT_FALSE(sort({make_notify, make_control, [] { return UniqueFd(); }}));
}

TEST(WorkerDescriptorsTest, are_closed_if_they_are_not_used) {
  std::vector<UniqueFd> descriptors;
  descriptors.push_back(make_stats());
  const int fd = descriptors.front().get();
  EXPECT_FALSE(sort_descriptors(std::move(descriptors)));
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
}

}  // namespace
}  // namespace preforkd
