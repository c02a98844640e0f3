// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "torture/victim.hpp"

namespace preforkd::torture {

// A preforkd that the torture has started by hand.
class StartedPool final : public Victim {
 public:
  // Waits until the pool serves.
  explicit StartedPool(const nlohmann::json& settings);

  [[nodiscard]] std::string address() const override;
  [[nodiscard]] std::string second_address() const override { return folder_.file("second.sock"); }
  void write_text(const std::string& text) const override { static_cast<void>(folder_.write("torture.json", text)); }
  [[nodiscard]] std::vector<pid_t> workers() const override;
  [[nodiscard]] std::string log() const override { return process_.err().text(); }
  [[nodiscard]] std::vector<std::string> leaks() const override;
  [[nodiscard]] std::vector<std::string> end() override;

 private:
  [[nodiscard]] pid_t master() const override { return process_.pid(); }
  [[nodiscard]] bool is_worker(pid_t pid) const override;

  component::TempDir folder_;
  component::Process process_;
  std::size_t descriptors_at_rest_ = 0;
};

}  // namespace preforkd::torture
