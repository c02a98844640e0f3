// SPDX-License-Identifier: MIT
#include "pools/bus/bus_target.hpp"

namespace preforkd {

std::string describe(const BusTarget& target) {
  std::string bus = target.user ? "the user bus" : "the system bus";
  switch (target.kind) {
    case BusTarget::Kind::local:
      return bus;
    case BusTarget::Kind::address:
      return "the bus at " + target.where;
    case BusTarget::Kind::host:
      return bus + " of " + target.where;
    case BusTarget::Kind::machine:
      return bus + " of machine \"" + target.where + '"';
  }
  return bus;
}

std::string options_for(const BusTarget& target) {
  std::string options = target.user ? "--user " : "";
  switch (target.kind) {
    case BusTarget::Kind::local:
      return options;
    case BusTarget::Kind::address:
      return options + "--address=" + target.where + ' ';
    case BusTarget::Kind::host:
      return options + "-H " + target.where + ' ';
    case BusTarget::Kind::machine:
      return options + "-M " + target.where + ' ';
  }
  return options;
}

}  // namespace preforkd
