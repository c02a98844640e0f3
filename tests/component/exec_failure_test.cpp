// SPDX-License-Identifier: MIT
// Programs that can't be executed: the log has the failed step and the errno.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <string>

#include "base/errors.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/master.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using std::filesystem::perms;
using testing::HasSubstr;

std::string write_script(const TempDir& folder, const std::string& text) {
  const std::string path = folder.write("script", text);
  std::filesystem::permissions(path, perms::owner_all);
  return path;
}

TEST(ExecFailure, a_program_that_is_not_there_ends_the_start) {
  Master master({"/nonexistent/program"}, with_workers(1));
  EXPECT_EQ(master.process().wait_exit().status, exit_code::usage);
  EXPECT_THAT(master.log().wait_closed(), HasSubstr("/nonexistent/program"));
}

TEST(ExecFailure, a_file_that_is_not_executable_ends_the_start) {
  const TempDir folder;
  Master master({folder.write("data", "no program")}, with_workers(1));
  EXPECT_EQ(master.process().wait_exit().status, exit_code::usage);
  EXPECT_THAT(master.log().wait_closed(), HasSubstr("execut"));
}

TEST(ExecFailure, a_script_without_its_interpreter_ends_the_start_and_names_it) {
  const TempDir folder;
  Master master({write_script(folder, "#!/nonexistent/interpreter\n")}, with_workers(1));
  EXPECT_EQ(master.process().wait_exit().status, exit_code::usage);
  EXPECT_THAT(master.log().wait_closed(), HasSubstr("/nonexistent/interpreter"));
}

TEST(ExecFailure, a_file_that_is_no_program_ends_the_start_and_tells_step_and_errno) {
  const TempDir folder;
  const std::string file = write_script(folder, "no program");
  Master master({file}, with_workers(1));
  EXPECT_EQ(master.process().wait_exit().status, exit_code::unavailable);
  EXPECT_THAT(master.log().wait_closed(),
              HasSubstr("cannot start a worker: " + file + ": execve: Exec format error (ENOEXEC)"));
}

TEST(ExecFailure, a_directory_that_is_gone_is_named) {
  const TempDir folder;
  const std::string directory = folder.file("release");
  std::filesystem::create_directory(directory);
  const Master master({binaries::worker("does_as_told")}, with_workers(1, {"--set", "directory=" + directory}));
  master.wait_ready();
  const std::size_t mark = master.log().size();
  std::filesystem::remove(directory);
  ::kill(master.worker(0), SIGKILL);
  EXPECT_THAT(master.log().wait_for("could not be started", mark),
              HasSubstr("chdir: " + directory + ": No such file or directory (ENOENT)"));
}

TEST(ExecFailure, a_program_that_goes_and_comes_back_is_a_slot_that_waits_and_recovers) {
  const TempDir folder;
  const std::string program = folder.file("program");
  std::filesystem::copy_file(binaries::worker("does_as_told"), program);
  Master master({program}, with_workers(1, {"--set", "restart.delay=20ms", "--set", "restart.max_delay=50ms"}));
  master.wait_ready();
  const std::size_t mark = master.log().size();
  std::filesystem::permissions(program, std::filesystem::perms::none);
  ::kill(master.worker(0), SIGKILL);
  const std::string line = master.log().wait_for("could not be started", mark);
  EXPECT_THAT(line, HasSubstr("execve: Permission denied (EACCES)"));
  master.log().wait_for("degraded", mark);
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  EXPECT_GT(master.worker(0, mark), 0);
  master.log().wait_for("has recovered", mark);
  EXPECT_THAT(Client(master.address()).ask("back"), HasSubstr(": back"));
  EXPECT_EQ(master.stop().status, 0);
}

}  // namespace
}  // namespace preforkd::component
