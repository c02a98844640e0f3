// SPDX-License-Identifier: MIT
#include "master/succession/descriptor_name.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

using Kind = DescriptorName::Kind;

// Another version of preforkd must find them.
TEST(DescriptorName, has_a_text_that_never_changes) {
  EXPECT_EQ((DescriptorName{Kind::listener, 4711}.text()), "preforkd-listener-4711");
  EXPECT_EQ((DescriptorName{Kind::image, 3}.text()), "preforkd-image-3");
  EXPECT_EQ(DescriptorName::of(WorkerId{17}).text(), "preforkd-w-17");
  EXPECT_EQ((DescriptorName{Kind::program, 2}.text()), "preforkd-program-2");
  EXPECT_EQ((DescriptorName{Kind::runtime_directory, 3}.text()), "preforkd-runtime-directory-3");
}

TEST(DescriptorName, is_read_from_its_text) {
  for (const Kind kind : {Kind::listener, Kind::image, Kind::worker, Kind::program, Kind::runtime_directory}) {
    const DescriptorName name{kind, UINT64_MAX};
    EXPECT_EQ(DescriptorName::parse(name.text()), name);
  }
  for (const char* const other : {"", "preforkd-", "preforkd-w-", "preforkd-w-1x", "preforkd-later-1", "echo.socket"})
    EXPECT_EQ(DescriptorName::parse(other), std::nullopt) << other;
}

}  // namespace
}  // namespace preforkd
