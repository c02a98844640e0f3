// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "base/address.hpp"
#include "config/values/pool_config.hpp"

namespace preforkd {

// An entry of "listen".
inline ListenConfig listen_on(const std::string& text, const std::string& name = "echo") {
  ListenConfig listen;
  listen.text = text;
  listen.address = parse_address(text).value();
  listen.name = name;
  return listen;
}

}  // namespace preforkd
