// SPDX-License-Identifier: MIT
#include "ctl/password_agent.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace preforkd::ctl {
namespace {

class PasswordAgentTest : public testing::Test {
 protected:
  PasswordAgentTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "prefork-agent-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~PasswordAgentTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string script(const std::string& text) const {
    const std::string path = (folder_ / "agent").string();
    std::ofstream(path) << "#!/bin/sh\n" << text;
    EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
    return path;
  }
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream stream(folder_ / name);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  std::filesystem::path folder_;
};

TEST_F(PasswordAgentTest, is_waited_for_until_it_has_registered_and_ended_afterwards) {
  const std::string folder = folder_.string();
  ASSERT_EQ(::mkfifo((folder + "/never").c_str(), 0600), 0);
  const std::string path =
      script("echo \"$@\" $$ > " + folder + "/started\nexec 3>&-\nread line < " + folder + "/never\n");
  std::string options;
  pid_t pid = 0;
  {
    const PasswordAgent agent(path);
    std::istringstream words(content("started"));
    std::getline(words, options, ' ');
    std::string fallback;
    words >> fallback >> pid;
    EXPECT_EQ(options + ' ' + fallback, "--notify-fd=3 --fallback");
    ASSERT_GT(pid, 0);
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1) << "it has ended and was reaped";
}

TEST_F(PasswordAgentTest, that_ends_at_once_or_is_missing_holds_nobody_up) {
  const PasswordAgent ended(script("exit 1\n"));
  const PasswordAgent missing((folder_ / "missing").string());
}

TEST_F(PasswordAgentTest, is_wanted_only_for_the_system_bus_of_this_machine) {
  Options options;
  options.bus.user = true;
  EXPECT_FALSE(PasswordAgent::wanted(options));
  options.bus = {BusTarget::Kind::host, false, "web"};
  EXPECT_FALSE(PasswordAgent::wanted(options));
  options.bus = {};
  options.ask_password = false;
  EXPECT_FALSE(PasswordAgent::wanted(options));
}

}  // namespace
}  // namespace preforkd::ctl
