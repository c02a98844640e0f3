// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctl/base/program.hpp"
#include "ctl/rollout/host.hpp"
#include "pools/bus/bus.hpp"
#include "pools/bus/pool_client.hpp"

namespace preforkd::ctl {

// A host that is reached by ssh: the pool over its system bus, as with --host, and commands by its shell. Commands must
// not ask for a password.
class SshHost final : public Host {
 public:
  // `host` is one of host_list(). `upgrade_command` is for the shell there. `interactive`: polkit there may ask the
  // user for a password.
  SshHost(std::string host, std::string pool, std::string upgrade_command, bool interactive);

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] PoolSnapshot look() override;
  void set_drained(bool drained) override;
  [[nodiscard]] std::vector<PlannedChange> plan() override;
  void reload() override;
  [[nodiscard]] Installed installed() override;
  void upgrade() override;

 private:
  [[nodiscard]] PoolClient client();
  // Calls again on a new connection if the present one is lost: Ctrl-C also ends the ssh that carries it.
  template <class Call>
  auto with_client(Call call);
  [[nodiscard]] ProgramOutput run(const std::string& command) const;

  const std::string name_;
  const std::string pool_;
  const std::string upgrade_command_;
  const bool interactive_;
  std::optional<Bus> bus_;
};

}  // namespace preforkd::ctl
