// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "pools/bus/pool_snapshot.hpp"

namespace preforkd::ctl {

struct Installed {
  std::string version;  // of preforkd, which may not run yet
  std::string package;  // of the Debian package, which may be newer with the same version in it; empty: there is none
};

// The pool on one host, as far as a rollout needs it. Each call throws ExitError with the reason; a host that does not
// answer is one.
class Host {
 public:
  virtual ~Host() = default;

  [[nodiscard]] virtual const std::string& name() const = 0;
  [[nodiscard]] virtual PoolSnapshot look() = 0;
  virtual void set_drained(bool drained) = 0;

  // What a reload would change.
  [[nodiscard]] virtual std::vector<PlannedChange> plan() = 0;
  // Waits for the result. 69: the connection was lost; the reload may go on.
  virtual void reload() = 0;

  [[nodiscard]] virtual Installed installed() = 0;
  // Installs another one, and waits for the installation.
  virtual void upgrade() = 0;
};

}  // namespace preforkd::ctl
