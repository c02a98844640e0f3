// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"

namespace preforkd::torture {

// The pool that is tortured: its preforkd with a config file, and what must be true of it at the end.
class Victim {
 public:
  static constexpr unsigned workers_at_rest = 3;

  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;
  virtual ~Victim() = default;

  [[nodiscard]] const nlohmann::json& config_at_rest() const noexcept { return at_rest_; }
  [[nodiscard]] virtual std::string address() const = 0;
  // An address for a second listening socket.
  [[nodiscard]] virtual std::string second_address() const = 0;
  // Whether systemd starts the next master when one has died.
  [[nodiscard]] virtual bool outlives_its_master() const noexcept { return false; }
  // Only if it outlives its master.
  virtual void restart() {}

  void write(const nlohmann::json& config) const { write_text(config.dump(2)); }
  virtual void write_text(const std::string& text) const = 0;
  // To the master, if there is one.
  void signal(int number) const;

  [[nodiscard]] virtual std::vector<pid_t> workers() const = 0;
  // False: it has ended, or is not a worker of this pool.
  [[nodiscard]] bool signal_worker(pid_t worker, int number) const;
  // Sends SIGKILL; returns when it has ended.
  [[nodiscard]] bool kill_worker(pid_t worker) const;

  // The number of log lines that contain `part`.
  [[nodiscard]] std::size_t logged(std::string_view part) const;
  [[nodiscard]] virtual std::string log() const = 0;

  // Reloads the initial config and waits for full strength. Returns the problems, one line each.
  [[nodiscard]] std::vector<std::string> come_to_rest();
  // The leaks, when there is no load any more.
  [[nodiscard]] virtual std::vector<std::string> leaks() const;
  // Stops the pool; returns the problems with the end.
  [[nodiscard]] virtual std::vector<std::string> end() = 0;

 protected:
  // `settings`: the workers'.
  Victim(const std::string& address, const nlohmann::json& settings);

  // 0: there is none at the moment that takes signals.
  [[nodiscard]] virtual pid_t master() const = 0;
  [[nodiscard]] virtual bool is_worker(pid_t pid) const = 0;

 private:
  // Invalid: it has ended, or is not a worker of this pool.
  [[nodiscard]] UniqueFd open_worker(pid_t worker) const;

  nlohmann::json at_rest_;
};

}  // namespace preforkd::torture
