// SPDX-License-Identifier: MIT
#include "master/process/config_watch.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

class ConfigWatchTest : public ::testing::Test {
 protected:
  ConfigWatchTest() {
    for (const char* const folder : {"etc", "lib/web.json.d"}) std::filesystem::create_directories(root_.path(folder));
    root_.write("etc/web.json", "{}");
  }

  [[nodiscard]] ConfigSource source(const std::string& file, const std::string& name) const {
    ConfigSource from{.file = file, .name = name};
    from.look_up = file.empty();
    from.folders = {root_.path("etc"), root_.path("lib")};
    return from;
  }

  // Whether the watch sees each of these changes, and no other.
  void expect_to_notice_all(const ConfigSource& from) const {
    ConfigWatch watch(from);
    EXPECT_FALSE(watch.changed());
    root_.write("etc/other.json", "{}");
    EXPECT_FALSE(watch.changed()) << "another pool's";
    for (const char* const file : {"etc/web.json", "lib/web.json.d/10.json"}) {
      root_.write(file, "{} ");
      EXPECT_TRUE(watch.changed()) << file;
      EXPECT_FALSE(watch.changed()) << file;
    }
    std::filesystem::create_directory(root_.path("etc/web.json.d"));
    EXPECT_TRUE(watch.changed()) << "a folder for drop-ins";
    std::filesystem::remove(root_.path("etc/web.json.d"));
  }

  TempFolder root_;
};

TEST_F(ConfigWatchTest, notices_the_file_and_the_drop_ins_of_a_pool) { expect_to_notice_all(source("", "web")); }

TEST_F(ConfigWatchTest, notices_drop_ins_in_all_folders_if_the_file_is_in_one_of_them) {
  expect_to_notice_all(source(root_.path("etc/web.json"), ""));
}

}  // namespace
}  // namespace preforkd
