// SPDX-License-Identifier: MIT
#include "base/errors.hpp"

#include <cstring>

namespace preforkd {

std::string errno_text(int error) {
  const char* text = ::strerrordesc_np(error);
  const char* name = ::strerrorname_np(error);
  if (text == nullptr || name == nullptr) return "unknown error " + std::to_string(error);
  return std::string(text) + " (" + name + ")";
}

Failure os_failure(int error, const std::string& what) { return Failure(Error(what + errno_text(error), error)); }

Failure failure_at(const std::string& object, const Error& error) {
  return Failure(Error(object + ": " + error.text, error.number));
}

}  // namespace preforkd
