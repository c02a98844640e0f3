// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "torture/victim.hpp"

namespace preforkd::torture {

// A pool as a service of systemd, on a machine of its own: it outlives each of its masters.
class ServicePool final : public Victim {
 public:
  // Waits until the pool serves, at a port of the loopback interface. Throws HarnessError.
  ServicePool(std::string name, unsigned port, const nlohmann::json& settings);

  [[nodiscard]] std::string address() const override { return config_at_rest()["listen"][0]; }
  [[nodiscard]] std::string second_address() const override { return "/run/preforkd/" + name_ + "/second.sock"; }
  [[nodiscard]] bool outlives_its_master() const noexcept override { return true; }
  void restart() override;
  void write_text(const std::string& text) const override;
  [[nodiscard]] std::vector<pid_t> workers() const override;
  [[nodiscard]] std::string log() const override;
  [[nodiscard]] std::vector<std::string> leaks() const override;
  [[nodiscard]] std::vector<std::string> end() override;

 private:
  [[nodiscard]] pid_t master() const override;
  [[nodiscard]] bool is_worker(pid_t pid) const override;
  [[nodiscard]] std::string property(const std::string& name) const;

  const std::string name_;
  const std::string service_ = "preforkd@" + name_ + ".service";
  const std::string socket_ = "preforkd@" + name_ + ".socket";
  const std::string group_ = "/sys/fs/cgroup/system.slice/system-preforkd.slice/" + service_;
  std::string descriptors_at_rest_;  // that systemd keeps
};

}  // namespace preforkd::torture
