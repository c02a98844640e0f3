// SPDX-License-Identifier: MIT
#include "config/reader/text_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/address.hpp"
#include "base/listener.hpp"
#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

TEST(TextFile, reads_a_whole_file_up_to_the_limit) {
  const TempFolder folder;
  const std::string text = std::string(70000, 'x') + '\0' + "\n";
  const std::string file = folder.write("file", text);
  EXPECT_EQ(read_text_file(file, text.size()).value(), text);
  EXPECT_EQ(read_text_file(folder.write("empty", ""), 10).value(), "");
}

TEST(TextFile, refuses_a_file_above_the_limit) {
  const TempFolder folder;
  const std::string file = folder.write("file", std::string(1025, 'x'));
  EXPECT_EQ(read_text_file(file, 1024).error().text, "is larger than 1K, the limit");
}

TEST(TextFile, says_what_cannot_be_read) {
  const TempFolder folder;
  EXPECT_EQ(read_text_file(folder.path("none"), 10).error().number, ENOENT);
  EXPECT_EQ(read_text_file(folder.path("none"), 10).error().text, "No such file or directory (ENOENT)");
  EXPECT_EQ(read_text_file(folder.path(), 10).error().text, "is a directory, not a file");
  EXPECT_EQ(read_text_file("/dev/zero", 10).error().text, "is a device, not a file");
  ASSERT_EQ(mkfifo(folder.path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(read_text_file(folder.path("fifo"), 10).error().text, "is a FIFO, not a file");
  const auto listener = open_listener(parse_address(folder.path("socket")).value());
  ASSERT_TRUE(listener);
  EXPECT_EQ(read_text_file(folder.path("socket"), 10).error().text, "is a socket, not a file");
  if (geteuid() != 0) {
    EXPECT_EQ(read_text_file(folder.write("secret", "x", 0), 10).error().text, "Permission denied (EACCES)");
  }
}

}  // namespace
}  // namespace preforkd
