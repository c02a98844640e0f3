// SPDX-License-Identifier: MIT
#include "config/values/file_stamp.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

TEST(FileStamp, changes_with_the_contents_and_with_the_target_of_a_link) {
  const TempFolder folder;
  const std::string first = folder.path("first");
  const std::string second = folder.path("second");
  const std::string link = folder.path("link");
  write(first, "one");
  write(second, "one");
  ASSERT_EQ(symlink(first.c_str(), link.c_str()), 0);
  const auto before = stamp_files({link});
  ASSERT_EQ(before.size(), 1U);
  EXPECT_EQ(stamp_files({link}), before);
  ASSERT_EQ(unlink(link.c_str()), 0);
  ASSERT_EQ(symlink(second.c_str(), link.c_str()), 0);
  const auto switched = stamp_files({link});
  EXPECT_NE(switched, before);
  write(second, "more than that");
  EXPECT_NE(stamp_files({link}), switched);
}

TEST(FileStamp, leaves_out_what_is_no_file) {
  const TempFolder folder;
  EXPECT_TRUE(stamp_files({folder.path("missing"), "/dev/null", "/"}).empty());
}

}  // namespace
}  // namespace preforkd
