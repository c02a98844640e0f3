// SPDX-License-Identifier: MIT
#include "base/process_title.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

namespace preforkd {
namespace {

std::string read_proc(const std::string& name) {
  std::ifstream file("/proc/self/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What ps prints: /proc/PID/cmdline without the zeros at its end.
std::string shown_title() {
  std::string text = read_proc("cmdline");
  text.erase(text.find_last_not_of('\0') + 1);
  return text;
}

// A title can't be given back, so each test runs in a child: its exit status is the result: 1 for the first failed
// check, and so on.
int run_in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

TEST(ProcessTitle, is_all_that_ps_shows) {
  EXPECT_EQ(run_in_child([] {
              if (!adopt_process_title()) return 1;
              set_process_title("preforkd: echo master");
              if (shown_title() != "preforkd: echo master") return 2;
              set_process_title("short");
              if (shown_title() != "short") return 3;
              return 0;
            }),
            0);
}

TEST(ProcessTitle, may_be_longer_than_the_arguments) {
  EXPECT_EQ(run_in_child([] {
              const std::size_t arguments = read_proc("cmdline").size();
              if (!adopt_process_title()) return 1;
              for (std::size_t length = arguments - 2; length < arguments + 20; ++length) {
                const std::string title(length, 'x');
                set_process_title(title);
                if (shown_title() != title) return 2;
              }
              set_process_title("short again");
              return shown_title() == "short again" ? 0 : 3;
            }),
            0);
}

TEST(ProcessTitle, longer_than_all_room_is_cut_and_harms_nothing) {
  EXPECT_EQ(run_in_child([] {
              if (!adopt_process_title()) return 1;
              set_process_title(std::string(1 << 20, 'y'));
              const std::string shown = shown_title();
              return !shown.empty() && shown.find_first_not_of('y') == std::string::npos ? 0 : 2;
            }),
            0);
}

TEST(ProcessTitle, the_environment_stays_readable_and_changeable) {
  ASSERT_EQ(::setenv("PREFORKD_TITLE_TEST", "before", 1), 0);
  EXPECT_EQ(run_in_child([] {
              const std::string path = std::getenv("PATH");
              if (!adopt_process_title()) return 1;
              set_process_title(std::string(1 << 20, 'z'));
              if (std::getenv("PATH") != path) return 2;
              if (std::string(std::getenv("PREFORKD_TITLE_TEST")) != "before") return 3;
              if (::setenv("PREFORKD_TITLE_TEST", "after", 1) != 0) return 4;
              if (std::string(std::getenv("PREFORKD_TITLE_TEST")) != "after") return 5;
              return 0;
            }),
            0);
  ::unsetenv("PREFORKD_TITLE_TEST");
}

TEST(ProcessTitle, the_name_of_the_program_in_libc_stays) {
  EXPECT_EQ(run_in_child([] {
              const std::string name = program_invocation_short_name;
              if (!adopt_process_title()) return 1;
              set_process_title("title");
              return name == program_invocation_short_name ? 0 : 2;
            }),
            0);
}

TEST(ProcessTitle, nothing_happens_before_it_is_adopted) {
  EXPECT_EQ(run_in_child([] {
              const std::string before = read_proc("cmdline");
              set_process_title("too early");
              return read_proc("cmdline") == before ? 0 : 1;
            }),
            0);
}

TEST(ProcessTitle, adopted_with_main_s_arguments_keeps_these_readable) {
  EXPECT_EQ(run_in_child([] {
              // A buffer of the test in place of the arguments on the stack, which only main() has.
              char strings[] = "program\0--flag\0value";
              char* argv[] = {strings, strings + 8, strings + 15, nullptr};
              adopt_process_title(3, argv);
              set_process_title("a title of its own");
              if (std::string(strings) != "a title of its own") return 1;
              if (std::string(argv[0]) != "program" || std::string(argv[1]) != "--flag") return 2;
              return std::string(argv[2]) == "value" ? 0 : 3;
            }),
            0);
}

TEST(ProcessTitle, no_arguments_at_all_are_no_title_and_no_crash) {
  EXPECT_EQ(run_in_child([] {
              char* argv[] = {nullptr};
              adopt_process_title(0, argv);
              set_process_title("nowhere to be shown");
              return 0;
            }),
            0);
}

TEST(ProcessName, is_cut_to_what_the_kernel_keeps) {
  EXPECT_EQ(run_in_child([] {
              set_process_name("preforkd");
              if (read_proc("comm") != "preforkd\n") return 1;
              set_process_name("a name that is far too long");
              return read_proc("comm") == "a name that is \n" ? 0 : 2;
            }),
            0);
}

}  // namespace
}  // namespace preforkd
