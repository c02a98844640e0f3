// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "master/sockets/listen_sockets.hpp"

namespace preforkd {

// What systemd's units took from the config when the pool was started. A reload cannot change that, only a restart of
// the units.
class UnitConfig {
 public:
  explicit UnitConfig(PoolConfig config);

  // The user that this process runs as.
  [[nodiscard]] const std::string& user() const noexcept { return user_; }
  // A warning if the config wants another user; empty if not.
  [[nodiscard]] std::string doubt_about_user(const PoolConfig& now) const;
  // The parts of the config that need a restart of the units: "listen 127.0.0.1:81", "user".
  [[nodiscard]] std::vector<std::string> unapplied(const PoolConfig& now, const ListenSockets& sockets) const;

 private:
  const std::string user_;
  const PoolConfig config_;  // without its program
};

}  // namespace preforkd
