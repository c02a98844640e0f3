// SPDX-License-Identifier: MIT
#pragma once

#include <sys/utsname.h>

#include <cstdio>
#include <utility>

namespace preforkd {

// Whether this kernel is Linux MAJOR.MINOR or later.
inline bool kernel_is(int major, int minor) {
  utsname name{};
  int has_major = 0;
  int has_minor = 0;
  if (uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &has_major, &has_minor) != 2) return false;
  return std::pair(has_major, has_minor) >= std::pair(major, minor);
}

}  // namespace preforkd
