// SPDX-License-Identifier: MIT
#include "config/values/program_path.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

class ProgramPath : public ::testing::Test {
 protected:
  void SetUp() override { setenv("PATH", (folder.path("first") + ':' + folder.path()).c_str(), 1); }
  void TearDown() override { setenv("PATH", path_before.c_str(), 1); }

  TempFolder folder;
  std::string path_before = std::getenv("PATH");
};

TEST_F(ProgramPath, finds_names_in_path_and_takes_absolute_paths_as_they_are) {
  const std::string script = folder.write("server", "#!/bin/sh -e\n", 0755);
  EXPECT_EQ(find_program("server"), script);
  EXPECT_EQ(find_program(script), script);
  EXPECT_EQ(find_program("/bin/sh"), "/bin/sh");
}

TEST_F(ProgramPath, passes_over_what_cannot_be_executed_as_a_shell_does) {
  mkdir(folder.path("first").c_str(), 0755);
  folder.write("first/server", "no program");
  const std::string program = folder.write("server", "#! /bin/sh\n", 0755);
  EXPECT_EQ(find_program("server"), program);
  ASSERT_EQ(unlink(program.c_str()), 0);
  EXPECT_EQ(find_program("server").error().text, folder.path("first/server") + " is not executable (try chmod +x)");
}

TEST_F(ProgramPath, an_empty_part_of_path_is_the_current_folder) {
  setenv("PATH", "", 1);
  EXPECT_EQ(find_program("no-such-program").error().text, "no such program in PATH ()");
}

TEST_F(ProgramPath, says_why_a_program_cannot_be_run) {
  EXPECT_EQ(find_program("").error().text, "is empty");
  EXPECT_EQ(find_program("./server").error().text, "must be an absolute path or a name to be found in PATH");
  EXPECT_EQ(find_program("/no/such").error().text, "No such file or directory (ENOENT)");
  EXPECT_EQ(find_program(folder.path()).error().text, "is a directory, not a program");
  EXPECT_EQ(find_program("/dev/null").error().text, "is not a file");
  EXPECT_EQ(find_program(folder.write("plain", "")).error().text, "is not executable (try chmod +x)");
  EXPECT_EQ(find_program("nosuch").error().text,
            "no such program in PATH (" + folder.path("first") + ':' + folder.path() + ')');
  EXPECT_EQ(find_program(folder.write("lost", "#!/no/python3 -u\n", 0755)).error().text,
            "is a script for '/no/python3', which can't be run: No such file or directory (ENOENT)");
}

}  // namespace
}  // namespace preforkd
