// SPDX-License-Identifier: MIT
#include "config/values/access_text.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>

#include "base/errors.hpp"

namespace preforkd {

std::string own_user() {
  const passwd* const own = getpwuid(geteuid());
  return own != nullptr ? own->pw_name : "uid " + std::to_string(geteuid());
}

std::string access_text(int error) {
  return errno_text(error) + (error == EACCES ? " for the user " + own_user() : "");
}

}  // namespace preforkd
