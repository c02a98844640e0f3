// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace preforkd {

// The message bus to use.
struct BusTarget {
  enum class Kind { local, address, host, machine };
  Kind kind = Kind::local;
  bool user = false;  // the user's bus instead of the system's; only with Kind::local and Kind::machine
  std::string where;  // the address, [USER@]HOST or [USER@]MACHINE

  // Whether its pools, files and processes are those of this machine.
  [[nodiscard]] bool is_this_machine() const noexcept { return kind == Kind::local || kind == Kind::address; }
  // Whether it is the system bus of this machine, which knows the units of the pools.
  [[nodiscard]] bool is_local_system() const noexcept { return kind == Kind::local && !user; }

  bool operator==(const BusTarget&) const = default;
};

// For use in a sentence: "the system bus", "the user bus of machine \"web\"".
[[nodiscard]] std::string describe(const BusTarget& target);

// The options that select the same bus, with a trailing blank; empty for the system bus: "--user ".
[[nodiscard]] std::string options_for(const BusTarget& target);

}  // namespace preforkd
