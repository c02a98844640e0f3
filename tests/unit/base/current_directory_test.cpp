// SPDX-License-Identifier: MIT
#include "base/current_directory.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

namespace fs = std::filesystem;

// In releases/1, to which the link "current" points.
class CurrentDirectory : public ::testing::Test {
 protected:
  CurrentDirectory() : before_(fs::current_path()) {
    fs::create_directories(folder.path("releases/1"));
    fs::create_directory_symlink("releases/1", folder.path("current"));
    fs::current_path(folder.path("current"));
  }
  ~CurrentDirectory() override { fs::current_path(before_); }

  TempFolder folder;

 private:
  fs::path before_;
};

TEST_F(CurrentDirectory, is_what_the_shell_calls_it_while_that_is_true) {
  setenv("PWD", folder.path("current").c_str(), 1);
  EXPECT_EQ(current_directory(), folder.path("current"));
  EXPECT_EQ(from_current_directory(".//./bin/x"), folder.path("current/bin/x"));
  EXPECT_EQ(from_current_directory("/bin/x"), "/bin/x");
  fs::current_path("/");
  setenv("PWD", "/", 1);
  EXPECT_EQ(from_current_directory("bin/x"), "/bin/x");
}

TEST_F(CurrentDirectory, is_the_kernels_name_if_the_shells_leads_elsewhere_or_is_none) {
  const std::string here = fs::current_path().string();
  for (const char* const wrong : {"/", "", "releases/1", "/nonexistent"}) {
    setenv("PWD", wrong, 1);
    EXPECT_EQ(current_directory(), here) << wrong;
  }
  unsetenv("PWD");
  EXPECT_EQ(current_directory(), here);
}

}  // namespace
}  // namespace preforkd
