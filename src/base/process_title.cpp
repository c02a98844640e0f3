// SPDX-License-Identifier: MIT
#include "base/process_title.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/process_facts.hpp"

// The kernel puts a process's argument strings and, right after them, its environment strings on top of the stack.
// /proc/PID/cmdline shows the bytes from arg_start to arg_end; if the last of these is not NUL, the kernel assumes a
// title and continues into the environment up to the first NUL. So a title may be as long as both areas, and the rest
// of them is zeroed.
namespace preforkd {
namespace {

struct Area {
  char* begin = nullptr;
  char* end = nullptr;
};

Area title_area;  // empty until adopted

// The strings of a NULL-terminated array that are contiguous in memory from `begin` on: returns the end of the last
// one.
char* end_of_strings(char** strings, char* begin) noexcept {
  char* end = begin;
  for (; *strings != nullptr && *strings == end; ++strings) end += std::strlen(*strings) + 1;
  return end;
}

// Never freed: other code may hold pointers into them, from environ or argv.
char** kept_environment = nullptr;
char** kept_arguments = nullptr;
char* kept_name = nullptr;

// A NULL-terminated array and its strings, in one block; nullptr if out of memory.
char** copy_strings(char** strings, std::size_t count) noexcept {
  std::size_t bytes = (count + 1) * sizeof(char*);
  for (std::size_t i = 0; i < count; ++i) bytes += std::strlen(strings[i]) + 1;
  auto** copies = static_cast<char**>(std::malloc(bytes));
  if (copies == nullptr) return nullptr;
  char* at = reinterpret_cast<char*>(copies + count + 1);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = std::strlen(strings[i]) + 1;
    copies[i] = static_cast<char*>(std::memcpy(at, strings[i], size));
    at += size;
  }
  copies[count] = nullptr;
  return copies;
}

std::size_t count_strings(char** strings) noexcept {
  std::size_t count = 0;
  while (strings != nullptr && strings[count] != nullptr) ++count;
  return count;
}

bool move_environment() noexcept {
  if (environ == nullptr) return true;
  kept_environment = copy_strings(environ, count_strings(environ));
  if (kept_environment == nullptr) return false;
  environ = kept_environment;
  return true;
}

bool move_arguments(char** argv, std::size_t argc) noexcept {
  kept_arguments = copy_strings(argv, argc);
  if (kept_arguments == nullptr) return false;
  std::copy_n(kept_arguments, argc, argv);
  return true;
}

// glibc's own pointers into argv[0], which error(3) and assert(3) print.
bool move_program_name() noexcept {
  kept_name = ::strdup(program_invocation_name);
  if (kept_name == nullptr) return false;
  program_invocation_short_name = kept_name + (program_invocation_short_name - program_invocation_name);
  program_invocation_name = kept_name;
  return true;
}

// argv may be null.
bool adopt(Area area, char** argv, std::size_t argc) noexcept {
  if (!move_environment() || !move_program_name()) return false;
  if (argv != nullptr && !move_arguments(argv, argc)) return false;
  title_area = area;
  return true;
}

struct Arguments {
  char** argv = nullptr;
  std::size_t argc = 0;
};

// main()'s argv array. The kernel puts it right below the original environ array, which is recognised by its place
// below the strings. If it is not found, the title still works, but main's argv shows pieces of the title.
Arguments find_arguments(const ArgumentAreas& areas) noexcept {
  constexpr std::uintptr_t max_distance = 4U << 20U;
  const auto place = reinterpret_cast<std::uintptr_t>(environ);
  if (place >= areas.arg_start || areas.arg_start - place > max_distance || environ[-1] != nullptr) return {};
  char** first = environ - 1;
  do {
    --first;
    const auto string = reinterpret_cast<std::uintptr_t>(*first);
    if (string == areas.arg_start) return {first, static_cast<std::size_t>(environ - 1 - first)};
    if (string < areas.arg_start || string >= areas.arg_end) return {};
  } while (true);
}

}  // namespace

void adopt_process_title(int argc, char** argv) noexcept {
  if (title_area.begin != nullptr || argc < 1 || argv[0] == nullptr) return;
  const char* const end_of_arguments = end_of_strings(argv, argv[0]);
  Area area{argv[0], argv[0] + (end_of_arguments - argv[0])};
  if (environ != nullptr) area.end = end_of_strings(environ, area.end);
  static_cast<void>(adopt(area, argv, static_cast<std::size_t>(argc)));
}

bool adopt_process_title() noexcept {
  if (title_area.begin != nullptr) return true;
  const std::optional<ArgumentAreas> areas = own_argument_areas();
  if (!areas) return false;
  const Arguments arguments = environ != nullptr ? find_arguments(*areas) : Arguments{};
  const bool joined = areas->env_start == areas->arg_end && areas->env_end >= areas->env_start;
  const std::uintptr_t end = joined ? areas->env_end : areas->arg_end;
  return adopt({reinterpret_cast<char*>(areas->arg_start), reinterpret_cast<char*>(end)}, arguments.argv,
               arguments.argc);
}

void set_process_title(std::string_view title) noexcept {
  if (title_area.begin == nullptr) return;
  const auto room = static_cast<std::size_t>(title_area.end - title_area.begin);
  const std::size_t length = std::min(title.size(), room - 1);
  std::memcpy(title_area.begin, title.data(), length);
  std::memset(title_area.begin + length, 0, room - length);
}

void set_process_name(std::string_view name) noexcept {
  std::array<char, 16> text{};  // TASK_COMM_LEN with its NUL
  std::memcpy(text.data(), name.data(), std::min(name.size(), text.size() - 1));
  ::prctl(PR_SET_NAME, text.data());
}

}  // namespace preforkd
