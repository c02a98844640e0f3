// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "master/base/event_loop.hpp"
#include "master/master_start.hpp"
#include "master/pool/pool.hpp"
#include "master/process/process_launcher.hpp"
#include "master/process/runtime_directory.hpp"
#include "master/report/notifier.hpp"
#include "master/report/worker_store.hpp"
#include "master/sockets/listen_sockets.hpp"
#include "master/succession/image_writer.hpp"

namespace preforkd {

// How a pool outlives its master. This one goes on where an earlier one was, and keeps what the next one needs: the
// image of the pool, and descriptors with names. systemd stores both; or an execve of this process leaves them open.
class Succession {
 public:
  // Takes over the workers of the predecessor in `start`, if it has one, and what systemd has stored of it. `on_news`
  // is called when the next turn has something to write. Borrows the rest. Throws std::runtime_error.
  Succession(EventLoop& loop, Notifier& notifier, Pool& pool, ProcessLauncher& launcher, ListenSockets& sockets,
             const RuntimeDirectory& directory, MasterStart& start, std::function<void()> on_news);
  Succession(const Succession&) = delete;
  Succession& operator=(const Succession&) = delete;

  // The pool's first steps.
  void begin();

  [[nodiscard]] unsigned adopted() const noexcept { return adopted_; }  // workers
  // This process was the predecessor.
  [[nodiscard]] bool upgraded_in_place() const noexcept { return origin_ == Origin::this_process; }
  // The workers were adopted at a restart of the service, after which all are to be new.
  [[nodiscard]] bool is_of_restart() const noexcept { return record_.restarts; }
  // They are.
  void all_are_new() noexcept { record_.restarts = false; }

  // The pool asks load balancers for no new clients.
  [[nodiscard]] bool drained() const noexcept { return record_.drained; }
  void set_drained(bool drained) noexcept { record_.drained = drained; }

  // For the next image.
  void note(const Totals& totals);
  // At the end of a turn: if systemd stores for the next master, makes the image current and the store as it says.
  void keep();
  // False: no master can go on after this one.
  [[nodiscard]] bool image_works() const noexcept { return !image_failed_; }
  // A next master can go on with the workers after the end of this process.
  [[nodiscard]] bool works() const noexcept { return worker_store_.active() && !image_failed_; }
  // The workers stay, and the next master replaces them.
  void leave_workers() noexcept { record_.restarts = true; }
  // No worker is left to adopt, so the next master starts with the config as it is then: empties the store. True when
  // systemd has got the word. One that does not listen does not hold up the end.
  [[nodiscard]] bool store_cleared();
  // Ask again at the end of each turn.
  [[nodiscard]] bool clears_store() const noexcept { return clears_store_; }

  // Makes the image current in any case, for an execve. Returns its descriptor, which is borrowed.
  int write();
  // The same, with the names of all descriptors that must stay open, which it returns.
  [[nodiscard]] std::map<int, std::string> write_for_execve();
  [[nodiscard]] int image() const noexcept { return image_.fd(); }

 private:
  enum class Origin { none, dead_master, this_process };

  void adopt(Predecessor& predecessor);
  void take_over_store(const std::vector<std::string>& names);
  void keep_descriptors(WorkerId id);
  [[nodiscard]] std::map<int, std::string> descriptors() const;

  EventLoop& loop_;
  Notifier& notifier_;
  Pool& pool_;
  ProcessLauncher& launcher_;
  ListenSockets& sockets_;
  const RuntimeDirectory& directory_;
  const std::function<void()> on_news_;
  MasterRecord record_;
  ImageWriter image_;
  WorkerStore worker_store_;
  EventSource proof_timer_;
  EventSource clear_timer_;
  Origin origin_ = Origin::none;  // of the workers at the start
  unsigned adopted_ = 0;
  std::vector<event::WorkerExited> lost_;  // workers that could not be adopted
  bool image_failed_ = false;
  bool clears_store_ = false;
  bool waited_for_store_ = false;
};

}  // namespace preforkd
