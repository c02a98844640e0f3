// SPDX-License-Identifier: MIT
#include "support/binaries.hpp"

#include <unistd.h>

namespace preforkd::component::binaries {

std::string systemd_socket_activate() {
  for (const char* path : {"/usr/bin/systemd-socket-activate", "/bin/systemd-socket-activate"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return {};
}

}  // namespace preforkd::component::binaries
