// SPDX-License-Identifier: MIT
#include "client/base/descriptor.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace preforkd::client {

void need_descriptors(std::uint32_t connections) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t needed = rlim_t{connections} + 32;
  if (limit.rlim_cur >= needed) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max >= needed) return;
  throw std::system_error(
      EMFILE, std::generic_category(),
      std::to_string(connections) + " connections, descriptors allowed: " + std::to_string(limit.rlim_max));
}

}  // namespace preforkd::client
