// SPDX-License-Identifier: MIT
// Plays scenarios/*.txt: lines are events of a pool, indented lines their effects. tests/README.md says how to write
// one. PREFORKD_WRITE_SCENARIOS=1 writes the actual effects into the files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "fakes/fake_clock.hpp"
#include "master/pool/pool.hpp"
#include "unit/master/pool/action_text.hpp"
#include "unit/master/pool/event_text.hpp"

namespace preforkd {
namespace {

// A pool, and the events of a scenario.
class Stage final : public Launcher, public PoolObserver {
 public:
  // `script` with the actual effects of each line in place of the expected ones.
  static std::string play(const std::string& script) {
    Stage stage;
    std::istringstream lines(script);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(' ')) continue;
      stage.told_ += line + '\n';
      if (!line.empty() && line.front() != '#') stage.perform(line);
    }
    return stage.told_;
  }

  [[nodiscard]] Result<void> start(const Launch& launch) noexcept override {
    tell(launch);
    if (failing_launches_ == 0) return {};
    --failing_launches_;
    return os_failure(launch_error_);
  }
  void signal(WorkerId id, int number) noexcept override { tell(SendSignal{id, number}); }
  [[nodiscard]] std::vector<WorkerId> unheard() noexcept override { return {}; }
  void introduce(WorkerId giver, WorkerId taker, std::uint32_t max) noexcept override {
    tell(Introduce{giver, taker, max});
  }
  void meet(WorkerId one, WorkerId other) noexcept override { tell(Meet{one, other}); }
  void dismiss(WorkerId giver) noexcept override { tell(DismissGiver{giver}); }
  [[nodiscard]] std::uint64_t load(WorkerId id) const noexcept override {
    const auto found = loads_.find(id);
    return found == loads_.end() ? 0 : found->second;
  }

  void on_worker_ready(const WorkerView& worker) override { tell(ReportReady{worker}); }
  void on_worker_draining(const WorkerView& worker, ExitCause why) override { tell(ReportDraining{worker, why}); }
  void on_worker_killed(const WorkerView& worker, ExitCause why, int number) override {
    tell(ReportKilled{worker, why, number});
  }
  void on_worker_exited(const ExitRecord& exit) override { tell(ReportExited{exit}); }
  void on_worker_remains(const WorkerView& worker) override { tell(ReportRemains{worker}); }
  void on_remains_gone(const WorkerView& worker) override { tell(ReportRemainsGone{worker}); }
  void on_launch_failed(unsigned slot, const Error& error, Instant next_try_at) override {
    tell(ReportLaunchFailed{slot, error, next_try_at});
  }
  void on_deadlines_moved(Duration by) override { tell(ReportDeadlinesMoved{by}); }
  void on_recycle_waits(const RecycleWait& wait) override { tell(wait); }
  void on_state_changed(PoolState before, PoolState now) override { tell(ReportStateChanged{before, now}); }
  void on_reload_finished(const ReloadFinished& finished) override { tell(finished); }

 private:
  void perform(const std::string& line) {
    LineReader reader(line);
    if (reader.take("config ")) {
      config_ = parse_config(reader.rest(), config_);
    } else if (reader.take("pass ")) {
      pass(reader.span());
    } else if (reader.take("launches-fail ")) {
      failing_launches_ = reader.number<unsigned>();
      reader.expect(": ");
      launch_error_ = reader.error();
    } else if (reader.take("load ")) {
      const WorkerId id = reader.id();
      reader.expect(": ");
      loads_[id] = reader.number<std::uint64_t>();
    } else if (line == "ready-all") {
      for (const WorkerView& worker : pool().workers()) {
        if (worker.state == WorkerState::starting) pool().step(event::WorkerReady{worker.id});
      }
    } else if (line == "leave-all") {
      for (const WorkerView& worker : pool().workers()) {
        if (worker.state == WorkerState::draining) pool().step(left(worker.id));
      }
    } else if (line == "show") {
      show();
    } else {
      step(parse_event(line, config_));
    }
  }

  void step(const Event& event) {
    if (const auto* const reload = std::get_if<event::Reload>(&event)) config_ = *reload->config;
    if (const auto* const adopt = std::get_if<event::Adopt>(&event)) config_ = *adopt->config;
    if (!pool().step(event)) tell("refused");
  }

  // With an event loop that is never late.
  void pass(Duration time) {
    passing_ = true;
    const Instant until = clock_.now() + time;
    constexpr int most = 10000;
    for (int ticks = 0; ticks < most && pool().next_deadline().value_or(Instant::max()) <= until; ++ticks) {
      clock_.advance_to(*pool().next_deadline());
      pool().step(event::Tick{});
    }
    clock_.advance_to(until);
    pool().step(event::Tick{});
    passing_ = false;
  }

  void show() {
    const Scheduler& scheduler = pool().scheduler();
    const auto at = [](std::optional<Instant> time) { return time ? time_text(*time) : "none"; };
    tell(std::string(to_string(pool().state())) + ", generation " + std::to_string(pool().generation()) + ", " +
         std::to_string(pool().ready_count()) + " of " + std::to_string(pool().target()) + " ready, " +
         std::to_string(pool().draining_count()) + " draining" + (scheduler.started() ? ", started" : "") +
         (scheduler.reload_waits() ? ", reload waits" : "") + (scheduler.finished() ? ", finished" : "") +
         "; next deadline " + at(pool().next_deadline()) + ", last response " + at(scheduler.last_response_deadline()));
    for (const WorkerView& worker : pool().workers()) {
      tell("slot " + std::to_string(worker.slot) + ": " + ActionText::text(worker.id) + " of generation " +
           std::to_string(worker.generation) + ' ' + std::string(to_string(worker.state)) +
           (worker.remains ? ", remains" : ""));
    }
    for (const SlotView& slot : pool().idle_slots()) {
      tell("slot " + std::to_string(slot.slot) + ": empty, crashes " + std::to_string(slot.crashes) +
           (slot.retry_at ? ", next try " + at(slot.retry_at) : "") + (slot.down ? ", down" : ""));
    }
  }

  static event::WorkerExited left(WorkerId id) { return {id, 0, {ExitStatus::Kind::exited, 0, {}}}; }

  void tell(const Action& action) { tell(to_string(action)); }
  void tell(const std::string& what) {
    told_ += "  " + (passing_ ? "at " + time_text(clock_.now()) + ": " : "") + what + '\n';
  }

  Pool& pool() {
    if (!pool_) {
      pool_ = std::make_unique<Pool>(std::make_shared<const PoolConfig>(config_), *this, clock_, 1);
      pool_->add_observer(*this);
    }
    return *pool_;
  }

  PoolConfig config_;
  fakes::FakeClock clock_;
  unsigned failing_launches_ = 0;
  int launch_error_ = 0;
  std::map<WorkerId, std::uint64_t> loads_;
  bool passing_ = false;
  std::string told_;
  std::unique_ptr<Pool> pool_;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The first line that differs.
std::string difference(const std::string& file, const std::string& expected, const std::string& got) {
  const std::vector<std::string> before = lines_of(expected);
  const std::vector<std::string> after = lines_of(got);
  const auto at = std::mismatch(before.begin(), before.end(), after.begin(), after.end());
  return file + ':' + std::to_string(at.first - before.begin() + 1) +
         "\n  expected: " + (at.first == before.end() ? "(the end)" : *at.first) +
         "\n  got:      " + (at.second == after.end() ? "(the end)" : *at.second);
}

class Scenario : public ::testing::Test {
 public:
  explicit Scenario(std::filesystem::path file) : file_(std::move(file)) {}

  void TestBody() override {
    std::ifstream script(file_);
    const std::string expected(std::istreambuf_iterator<char>(script), {});
    ASSERT_FALSE(expected.empty()) << file_;
    const std::string got = Stage::play(expected);
    if (std::getenv("PREFORKD_WRITE_SCENARIOS") != nullptr) {
      std::ofstream(file_) << got;
    } else if (got != expected) {
      ADD_FAILURE() << difference(file_, expected, got) << "\nPREFORKD_WRITE_SCENARIOS=1 writes the actual effects";
    }
  }

 private:
  std::filesystem::path file_;
};

// Each file is a test of its own.
const bool registered = [] {
  for (const auto& entry : std::filesystem::directory_iterator(PREFORKD_SCENARIOS)) {
    ::testing::RegisterTest("Scenario", entry.path().stem().c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [file = entry.path()]() -> ::testing::Test* { return new Scenario(file); });
  }
  return true;
}();

}  // namespace
}  // namespace preforkd
