// SPDX-License-Identifier: MIT
// For LD_PRELOAD: adds the number of seconds that the file TEST_WALL_CLOCK holds to the time of day, as if the
// clock had been set. Without the file the time is not changed.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace {

long offset() {
  const int before = errno;
  const char* const path = std::getenv("TEST_WALL_CLOCK");
  const long fd = path == nullptr ? -1 : ::syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  std::array<char, 32> text{};
  if (fd >= 0) {
    ::syscall(SYS_read, fd, text.data(), text.size() - 1);
    ::syscall(SYS_close, fd);
  }
  errno = before;
  return std::atol(text.data());
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long result = ::syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += offset();
  return static_cast<int>(result);
}

int gettimeofday(timeval* time, void*) noexcept {
  timespec now{};
  const int result = clock_gettime(CLOCK_REALTIME, &now);
  *time = {now.tv_sec, now.tv_nsec / 1000};
  return result;
}

time_t time(time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}
}
#pragma GCC visibility pop
