// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {

// A running preforkd that was started with a config file, FOLDER/test.json, which the test rewrites.
class ConfiguredMaster {
 public:
  // Waits until all workers are ready. `arguments` come after --config.
  explicit ConfiguredMaster(const nlohmann::json& config, const StartOptions& options = {},
                            const std::vector<std::string>& arguments = {});

  void write(const nlohmann::json& config) const { write_text(config.dump()); }
  void write_text(const std::string& text) const { static_cast<void>(folder_.write("test.json", text)); }

  // Sends SIGHUP and waits for a line that contains `part`; returns the line.
  std::string hup(std::string_view part);
  // The same, after writing a new config.
  std::string reload(const nlohmann::json& config, std::string_view part = "reload done");

  // The lines of SIGUSR1's table, without its header.
  std::vector<std::string> table();

  // The first address that was logged as listened on, from byte `from` of the log on.
  [[nodiscard]] std::string address(std::size_t from = 0) const;
  // Sorted.
  [[nodiscard]] std::vector<pid_t> workers() const;
  // Waits until these are the only workers.
  [[nodiscard]] bool has_only(const std::vector<pid_t>& workers) const;
  // Waits until no worker is one of `before` and there are `count` workers.
  [[nodiscard]] bool all_new(const std::vector<pid_t>& before, std::size_t count) const;

  [[nodiscard]] Process& process() noexcept { return process_; }
  [[nodiscard]] const Output& log() const { return process_.err(); }
  [[nodiscard]] const TempDir& folder() const noexcept { return folder_; }

 private:
  TempDir folder_;
  Process process_;
};

}  // namespace preforkd::component
