// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "master/base/event_loop.hpp"
#include "master/bus/control_plane.hpp"
#include "master/bus/pool_control.hpp"
#include "master/pool/pool.hpp"
#include "master/process/sweep.hpp"
#include "master/report/listener_store.hpp"
#include "master/report/notifier.hpp"
#include "master/sockets/listen_sockets.hpp"
#include "master/succession.hpp"

namespace preforkd {

// How a master ends. At a stop its workers drain, everything else in the service's control group ends, and systemd gets
// the word that nothing is left to a next master. A stop of the service may be the first half of a restart: then the
// workers stay, and the next master replaces them.
class Shutdown {
 public:
  struct Parts {
    const PoolControl& control;
    Pool& pool;
    Sweep& sweep;
    ListenSockets& sockets;
    ListenerStore& listener_store;
    Notifier& notifier;
    ControlPlane& control_plane;
    Succession& succession;
  };
  // `user`: the user this runs as. `on_news` is called when ended() may have changed. Borrows the parts.
  Shutdown(const Parts& parts, std::string user, std::function<void()> on_news);

  // `why`: the signal. A second one kills the remaining workers.
  void request(const std::string& why);
  // The pool has started: from now on a stop of the service may be a restart.
  void on_started() noexcept { started_ = true; }
  // There is no worker and no client. Only if the next client starts the service again, and the pool is not drained.
  void leave_idle();

  // It is requested; maybe only a restart.
  [[nodiscard]] bool requested() const;
  [[nodiscard]] bool leaves_workers() const noexcept { return leaves_workers_; }
  // To be asked at the end of each turn. True: this process may end.
  [[nodiscard]] bool ended();
  // ended() waits for systemd to take messages.
  [[nodiscard]] bool waits_for_notifier() const noexcept { return leaves_workers_ || parts_.succession.clears_store(); }

 private:
  void begin();
  void drain(const std::string& why);
  void ask_whether_restarted(const std::string& why);
  [[nodiscard]] bool next_can_adopt(const UnitJobs& jobs) const;
  void leave_workers();
  // The last worker has ended, and so has everything else in the service's control group.
  [[nodiscard]] bool all_gone();
  // It is decided whether the stored sockets are kept.
  [[nodiscard]] bool sockets_left();

  const Parts parts_;
  const std::string user_;
  const std::function<void()> on_news_;
  SteadyClock clock_;
  Instant requested_at_{};
  bool started_ = false;
  bool asks_if_restarted_ = false;
  bool leaves_workers_ = false;  // to the next master
  bool swept_ = false;           // after the last worker had ended
  bool asked_for_socket_jobs_ = false;
  std::optional<bool> socket_jobs_;  // systemd's answer
};

}  // namespace preforkd
