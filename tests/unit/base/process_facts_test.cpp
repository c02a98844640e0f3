// SPDX-License-Identifier: MIT
#include "base/process_facts.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <string>

#include "base/unique_fd.hpp"
#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

using namespace std::chrono_literals;

TEST(ReadKernelFile, reads_all_of_a_file_and_nothing_of_none) {
  const TempFolder folder;
  const std::string much(200'000, 'x');
  std::ofstream(folder.path("f")) << much;
  EXPECT_EQ(read_kernel_file(folder.path("f")), much);
  EXPECT_EQ(read_kernel_file(folder.path("none")), "");
  EXPECT_EQ(read_kernel_file("/proc"), "");
}

TEST(ForEachProcess, visits_this_one_and_stops_when_told_to) {
  bool found = false;
  for_each_process([&](pid_t pid) {
    found = pid == getpid();
    return !found;
  });
  EXPECT_TRUE(found);
  int visits = 0;
  for_each_process([&](pid_t) { return ++visits < 1; });
  EXPECT_EQ(visits, 1);
}

TEST(ForEachDescriptor, visits_what_they_lead_to_and_stops_when_told_to) {
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  bool found = false;
  for_each_descriptor(getpid(), [&](std::string_view target) {
    found = target == "/dev/null";
    return !found;
  });
  EXPECT_TRUE(found);
  int visits = 0;
  for_each_descriptor(getpid(), [&](std::string_view) { return ++visits < 1; });
  EXPECT_EQ(visits, 1);
  for_each_descriptor(0, [&](std::string_view) { return ++visits < 1; });
  EXPECT_EQ(visits, 1);
}

TEST(ProcessStatTest, reads_a_name_that_holds_anything) {
  const auto stat = parse_process_stat("12 (a) S 9 (b) S 1 12 7 0 -1 4194560 1 0 0 0 2 3 4 5 20 0 1 0 8812345 1 2 3");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->name, "a) S 9 (b");
  EXPECT_EQ(stat->group, 12);
  EXPECT_EQ(stat->session, 7);
  EXPECT_EQ(stat->started, 8812345U);
  EXPECT_TRUE(stat->lives());
}

TEST(ProcessStatTest, a_zombie_does_not_live) {
  EXPECT_FALSE(parse_process_stat("12 (a) Z 1 12 7 0 -1 4194560 1 0 0 0 2 3 4 5 20 0 1 0 8812345 1 2 3")->lives());
}

TEST(ProcessStatTest, refuses_what_is_cut_off) {
  EXPECT_FALSE(parse_process_stat(""));
  EXPECT_FALSE(parse_process_stat("12 (a"));
  EXPECT_FALSE(parse_process_stat("12 )a("));
  EXPECT_FALSE(parse_process_stat("12 (a) S 1 12 7 0 -1"));
}

TEST(ProcessStatTest, knows_this_process) {
  const auto stat = process_stat(getpid());
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->session, getsid(0));
  EXPECT_EQ(stat->group, getpgid(0));
  EXPECT_FALSE(process_stat(0));
}

TEST(ProcessStatTest, counts_ticks_since_the_boot) {
  const std::uint64_t before = boot_ticks();
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  const auto stat = process_stat(child);
  const std::uint64_t after = boot_ticks();
  kill(child, SIGKILL);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
  ASSERT_TRUE(stat);
  EXPECT_GE(stat->started, before);
  EXPECT_LE(stat->started, after);
}

TEST(OwnArgumentAreas, hold_the_arguments) {
  const auto areas = own_argument_areas();
  ASSERT_TRUE(areas);
  const std::string shown = read_kernel_file("/proc/self/cmdline");
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(areas->arg_start), areas->arg_end - areas->arg_start), shown);
  EXPECT_GE(areas->env_end, areas->env_start);
}

TEST(ProcessStatusNumber, is_the_one_asked_for) {
  EXPECT_EQ(process_status_number(getpid(), "Pid"), getpid());
  EXPECT_EQ(process_status_number(getpid(), "PPid"), getppid());
  EXPECT_EQ(process_status_number(getpid(), "Uid", 1), static_cast<long>(geteuid()));
}

TEST(ProcessStatusNumber, is_none_where_there_is_none) {
  EXPECT_EQ(process_status_number(getpid(), "State"), std::nullopt);
  EXPECT_EQ(process_status_number(getpid(), "Pi"), std::nullopt);
  EXPECT_EQ(process_status_number(getpid(), "Nonsense"), std::nullopt);
  EXPECT_EQ(process_status_number(0, "Pid"), std::nullopt);
}

TEST(ProcessTexts, are_those_of_this_process) {
  EXPECT_EQ(program_name(getpid()), std::string(program_invocation_short_name).substr(0, 15));
  EXPECT_TRUE(command_line(getpid()).starts_with(program_invocation_name));
  EXPECT_EQ(command_line(getpid()).find('\0'), std::string::npos);
  EXPECT_EQ(environment_variable(getpid(), "PATH"), getenv("PATH"));
  EXPECT_EQ(environment_variable(getpid(), "PAT"), "");
}

TEST(ProcessTexts, are_empty_for_a_process_that_is_not_there) {
  EXPECT_EQ(program_name(0), "");
  EXPECT_EQ(command_line(0), "");
  EXPECT_EQ(environment_variable(0, "PATH"), "");
}

constexpr std::size_t much_memory = 32UL * 1024 * 1024;

std::uint64_t growth_by(int flags) {
  const std::uint64_t before = own_memory(getpid()).value_or(0);
  void* area = mmap(nullptr, much_memory, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
  EXPECT_NE(area, MAP_FAILED);
  std::memset(area, 1, much_memory);
  const std::uint64_t after = own_memory(getpid()).value_or(0);
  munmap(area, much_memory);
  EXPECT_GT(before, 0U);
  return after > before ? after - before : 0;
}

TEST(OwnMemory, grows_with_what_a_process_allocates) {
  const std::uint64_t growth = growth_by(MAP_PRIVATE);
  EXPECT_GT(growth, much_memory / 2);
  EXPECT_LT(growth, much_memory * 2);
}

TEST(OwnMemory, leaves_shared_memory_out) { EXPECT_LT(growth_by(MAP_SHARED), much_memory / 2); }

TEST(OwnMemory, is_unknown_for_a_process_that_is_not_there) { EXPECT_EQ(own_memory(0), std::nullopt); }

TEST(CpuTime, grows_with_what_a_process_uses) {
  const auto before = cpu_time(getpid());
  ASSERT_TRUE(before);
  EXPECT_GT(*before, 0ns);
  const auto began = std::chrono::steady_clock::now();
  while (*cpu_time(getpid()) - *before < 5ms) ASSERT_LT(std::chrono::steady_clock::now() - began, 30s);
}

TEST(CpuTime, is_unknown_for_a_process_that_is_not_there) {
  EXPECT_EQ(cpu_time(0), std::nullopt) << "the clock 0 is the caller's own";
  EXPECT_EQ(cpu_time(4194304), std::nullopt);
}

}  // namespace
}  // namespace preforkd
