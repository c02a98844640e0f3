// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace preforkd::ctl {

// Which message bus to talk to.
struct BusTarget {
  enum class Kind { local, address, host, machine };
  Kind kind = Kind::local;
  bool user = false;  // the user's bus instead of the system's; only local and of a machine
  std::string where;  // the address, [USER@]HOST or [USER@]MACHINE

  bool operator==(const BusTarget&) const = default;
};

// To stand in a sentence: "the system bus", "the user bus of machine \"web\"".
[[nodiscard]] std::string describe(const BusTarget& target);

// The options that lead there again, with a blank at the end; empty for the system bus: "--user ".
[[nodiscard]] std::string options_for(const BusTarget& target);

}  // namespace preforkd::ctl
