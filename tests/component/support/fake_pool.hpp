// SPDX-License-Identifier: MIT
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"

namespace preforkd::component {

struct FakeWorker {
  std::uint32_t slot = 0;
  std::uint32_t pid = 0;
  std::string state = "ready";
  std::string status_text;
  std::string last_exit_cause;
};

// What a fake pool reports.
struct FakePoolState {
  std::string name = "echo";
  std::string description = "Line echo";
  std::string state = "running";
  std::uint32_t generation = 1;
  std::vector<FakeWorker> workers;
  std::uint32_t exit_pid = 4711;  // of slot 1, generation 2: a failure
  std::string exit_text = "died: exit status 7";
  std::uint64_t exit_at = 1'700'000'005'000'000;  // microseconds since 1970
  bool fails_at_reload = false;                   // that failure comes with a call of Reload(); otherwise it is older
  std::string plan_needs = "generation";          // of the one change in Plan()
  std::uint32_t min_workers = 1;
  std::uint32_t max_workers = 8;
  bool counts = true;
  bool absurd = false;  // counters, sizes and times have the maximum of their types
};

struct MethodError {
  std::string name;
  std::string text;
};

// A fake pool on a message bus, for what the real one does rarely or never. It serves on its own thread.
class FakePool {
 public:
  // Owns org.preforkd1.NAME when it returns. Throws HarnessError.
  FakePool(const std::string& bus_address, FakePoolState state);
  FakePool(const FakePool&) = delete;
  FakePool& operator=(const FakePool&) = delete;
  // Leaves the bus.
  ~FakePool();

  // From now on this method fails with `error`.
  void fail(const std::string& member, MethodError error);
  // From now on this method is never answered.
  void stay_silent(const std::string& member);
  // From now on this method is answered with a text, whatever its signature.
  void answer_nonsense(const std::string& member);
  // "Scale 5", "Kill /org/preforkd1/worker/1 15 interactive", …, in order.
  [[nodiscard]] std::vector<std::string> calls() const;

  // Emits WorkerExited for a worker.
  void tell_exit(std::uint32_t slot, std::uint32_t pid, const std::string& cause, const std::string& text);
  // Emits a signal that contains a descriptor, which no reader of this interface expects.
  void tell_descriptor();

 private:
  struct Unref {
    void operator()(sd_bus* bus) const noexcept { sd_bus_flush_close_unref(bus); }
  };
  static int take(sd_bus_message* message, void* pool, sd_bus_error* error);
  int answer(sd_bus_message* message);
  int answer_pool(sd_bus_message* message, const std::string& member);
  void note(sd_bus_message* message, const std::string& member);
  void serve();

  FakePoolState state_;
  mutable std::mutex mutex_;  // what follows, and the bus
  std::unique_ptr<sd_bus, Unref> bus_;
  std::map<std::string, MethodError> errors_;
  std::set<std::string> silent_;
  std::set<std::string> nonsense_;
  std::vector<std::string> calls_;
  UniqueFd stop_;
  std::thread thread_;
};

}  // namespace preforkd::component
