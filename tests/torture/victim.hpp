// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::torture {

// The pool that is tortured: its own preforkd with a config file, and what must be true of it at the end.
class Victim {
 public:
  static constexpr unsigned workers_at_rest = 3;

  // `settings`: the workers'. Waits until the pool serves.
  explicit Victim(const nlohmann::json& settings);

  [[nodiscard]] const nlohmann::json& config_at_rest() const noexcept { return at_rest_; }
  [[nodiscard]] std::string address() const;
  // An address for a second listening socket.
  [[nodiscard]] std::string second_address() const { return folder_.file("second.sock"); }

  void write(const nlohmann::json& config) const { write_text(config.dump(2)); }
  void write_text(const std::string& text) const { static_cast<void>(folder_.write("torture.json", text)); }
  void signal(int number) const { process_.signal(number); }

  [[nodiscard]] std::vector<pid_t> workers() const;
  // False: it has ended, or is not a worker of this pool.
  [[nodiscard]] bool signal_worker(pid_t worker, int number) const;
  // Sends SIGKILL; returns when it has ended.
  [[nodiscard]] bool kill_worker(pid_t worker) const;

  // The number of log lines that contain `part`.
  [[nodiscard]] std::size_t logged(std::string_view part) const;
  [[nodiscard]] std::string log() const { return process_.err().text(); }

  // Reloads the initial config and waits for full strength. Returns the problems, one line each.
  [[nodiscard]] std::vector<std::string> come_to_rest();
  // The leaks, when there is no load any more.
  [[nodiscard]] std::vector<std::string> leaks() const;
  // Sends SIGTERM; returns the problems with the end.
  [[nodiscard]] std::vector<std::string> end();

 private:
  // Invalid: it has ended, or is not a worker of this pool.
  [[nodiscard]] UniqueFd open_worker(pid_t worker) const;

  component::TempDir folder_;
  nlohmann::json at_rest_;
  component::Process process_;
  std::size_t descriptors_at_rest_ = 0;
};

}  // namespace preforkd::torture
