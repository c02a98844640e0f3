// SPDX-License-Identifier: MIT
#pragma once

#include <sys/resource.h>

#include <array>
#include <string>
#include <string_view>

namespace preforkd {

// Both may be RLIM_INFINITY.
struct ResourceLimit {
  int resource = 0;  // RLIMIT_NOFILE, …
  rlim_t soft = 0;
  rlim_t hard = 0;
};
// "SOFT:HARD", each a number or "infinity", as in LimitNOFILE= of systemd.exec(5).
[[nodiscard]] std::string to_string(const ResourceLimit& limit);

// The limits that a config can name.
struct NamedLimit {
  std::string_view name;
  int resource;
};
inline constexpr std::array<NamedLimit, 9> named_limits = {{{"nofile", RLIMIT_NOFILE},
                                                            {"core", RLIMIT_CORE},
                                                            {"as", RLIMIT_AS},
                                                            {"stack", RLIMIT_STACK},
                                                            {"memlock", RLIMIT_MEMLOCK},
                                                            {"nproc", RLIMIT_NPROC},
                                                            {"data", RLIMIT_DATA},
                                                            {"fsize", RLIMIT_FSIZE},
                                                            {"cpu", RLIMIT_CPU}}};

// "nofile", as in LimitNOFILE= of systemd.exec(5); "limit" for one that no config can name.
[[nodiscard]] std::string_view limit_name(int resource) noexcept;

}  // namespace preforkd
