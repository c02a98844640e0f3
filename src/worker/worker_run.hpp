// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "worker/acceptor.hpp"
#include "worker/connection/data_path.hpp"
#include "worker/hand_over/hand_over.hpp"
#include "worker/hand_over/keeper.hpp"
#include "worker/io/epoll_streams.hpp"
#include "worker/server_impl.hpp"
#include "worker/service/busy_report.hpp"
#include "worker/service/service_status.hpp"
#include "worker/service/watchdog.hpp"

namespace prefork::internal {

// One Server::run(): from taking over the sockets to the exit status.
//
//   start() ── READY=1 ──▶ serving ── a reason to leave ──▶ draining ── last connection gone ──▶ done
//                              └── the loop failed, or a second signal: every connection is closed ──▶ done
//
// A second signal counts only outside a pool. A reason to leave that occurs in the middle of a turn takes effect at its
// end. So if a listening socket has woken this worker in the same turn, the worker accepts from it before it closes it:
// the kernel has woken no other worker for that client.
class WorkerRun final : private TimerNode {
 public:
  // Takes over descriptors and checks settings. Throws ExitError.
  explicit WorkerRun(Server::Impl& server);
  ~WorkerRun();
  WorkerRun(const WorkerRun&) = delete;
  WorkerRun& operator=(const WorkerRun&) = delete;

  // Returns the exit status. Throws ExitError before READY=1.
  [[nodiscard]] int serve();

 private:
  [[nodiscard]] std::vector<LimitValues> checked_limits();
  void open_services();
  [[nodiscard]] ActiveService& service_for(const ListenSocket& socket);
  [[nodiscard]] std::vector<ListenSocket> take_sockets();
  [[nodiscard]] ServiceNotify open_notify();
  void take_control_channel();
  [[nodiscard]] bool connections_may_move() const noexcept;
  void on_no_taker();
  [[nodiscard]] std::uint64_t max_connections() const noexcept;  // of all services
  void allow_descriptors();

  void start(std::vector<ListenSocket> sockets);
  void start_keeper();
  void turn();
  void say_if_busy();
  [[nodiscard]] bool is_hurried() const noexcept;
  // Something is on its way to another worker.
  [[nodiscard]] bool is_sending() const noexcept;
  void leave_if_told();
  void be_alone();
  void begin_drain();
  void bound_drain();
  void bound_drain_by(preforkd::Duration bound);
  void close_all(CloseReason busy, CloseReason idle);
  [[nodiscard]] int abandon() noexcept;
  bool stop_application() noexcept;  // on_worker_stop; false: it threw
  void on_timer() override;          // the drain took too long

  Server::Impl& server_;
  const std::vector<LimitValues> service_limits_;  // in the order of server_.services
  const LimitValues& limits_;                      // the first of them, which has the limits of the worker
  std::vector<ListenSocket> sockets_;
  std::deque<ActiveService> services_;  // in the order of server_.services
  std::deque<Entrance> entrances_;      // of sockets_
  ServiceStatus status_;
  std::optional<Watchdog> watchdog_;
  std::optional<Ledger> ledger_;
  EpollStreams streams_;
  preforkd::StatsPage& stats_;
  DataPath path_;
  std::optional<HandOver> hand_over_;  // in a pool
  Acceptor acceptor_;
  BusyReport busy_report_;
  std::optional<Keeper> keeper_;  // of a worker whose connections may move
  ConnectionTable* table_before_ = nullptr;
  bool master_gone_ = false;  // the control channel has ended, in this turn or before
  bool alone_ = false;        // and that was handled
  bool draining_ = false;
  int exit_status_ = 0;
};

}  // namespace prefork::internal
