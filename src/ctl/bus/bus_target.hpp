// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace preforkd::ctl {

// The message bus to use.
struct BusTarget {
  enum class Kind { local, address, host, machine };
  Kind kind = Kind::local;
  bool user = false;  // the user's bus instead of the system's; only with Kind::local and Kind::machine
  std::string where;  // the address, [USER@]HOST or [USER@]MACHINE

  bool operator==(const BusTarget&) const = default;
};

// For use in a sentence: "the system bus", "the user bus of machine \"web\"".
[[nodiscard]] std::string describe(const BusTarget& target);

// The options that select the same bus, with a trailing blank; empty for the system bus: "--user ".
[[nodiscard]] std::string options_for(const BusTarget& target);

}  // namespace preforkd::ctl
