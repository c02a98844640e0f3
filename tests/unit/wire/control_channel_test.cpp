// SPDX-License-Identifier: MIT
#include "wire/control_channel.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <utility>

namespace preforkd {
namespace {

ControlChannel open_channel() {
  Result<ControlChannel> channel = ControlChannel::open();
  EXPECT_TRUE(channel);
  return std::move(*channel);
}

TEST(ControlChannel, both_ends_are_cloexec_and_non_blocking) {
  const ControlChannel channel = open_channel();
  for (const int fd : {channel.master_end.get(), channel.worker_end.get()}) {
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  }
}

}  // namespace
}  // namespace preforkd
