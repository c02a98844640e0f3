// SPDX-License-Identifier: MIT
#include "ctl/pool_watch.hpp"

namespace preforkd::ctl {
namespace {

constexpr std::chrono::milliseconds min_span{500};  // for a rate: a burst of signals would make shorter ones

}  // namespace

PoolWatch::PoolWatch(PoolClient& pool) : pool_(pool) {
  pool_.subscribe([this](const Signal&) { refresh(); }, [this] { gone_ = true; });
  refresh();
}

void PoolWatch::refresh() {
  again_ = true;
  if (open_ == 0) ask();
}

std::chrono::seconds PoolWatch::silence() const {
  return std::chrono::floor<std::chrono::seconds>(open_ == 0 ? Clock::duration() : Clock::now() - asked_at_);
}

bool PoolWatch::take_news() { return std::exchange(news_, false); }

void PoolWatch::ask() {
  again_ = false;
  asked_at_ = Clock::now();
  std::vector<MethodCall> questions{pool_.objects_call(), pool_.get_all_call(), pool_.processes_call()};
  answers_.assign(questions.size(), Json());
  open_ = questions.size();
  for (std::size_t i = 0; i < questions.size(); ++i) {
    questions[i].timeout_us = UINT64_MAX;  // a master that was stopped answers when it is continued
    pool_.bus().call_async(questions[i], [this, i](const Reply& reply) { take(i, reply); });
  }
}

void PoolWatch::take(std::size_t question, const Reply& reply) {
  --open_;
  if (const auto* const answer = std::get_if<Json>(&reply)) {
    answers_[question] = answer->at(0);
  } else {
    throw pool_.explained(std::get<BusFailure>(reply));
  }
  if (open_ > 0) return;
  conclude();
  if (again_) ask();
}

void PoolWatch::conclude() {
  std::vector<WorkerSnapshot> workers = worker_snapshots(answers_[0]);
  snapshot_ = pool_snapshot(answers_[1]);
  std::vector<WorkerRow> rows = worker_rows(workers, process_snapshots(answers_[2]));
  const Clock::duration span = asked_at_ - answered_for_;
  if (rows_.empty() || span >= min_span) {
    if (!workers_.empty()) add_rates(rows, workers_, span);
    workers_ = std::move(workers);
    answered_for_ = asked_at_;
  } else {
    for (WorkerRow& row : rows) {
      for (const WorkerRow& before : rows_) {
        if (before.detailed && before.worker.pid == row.worker.pid)
          row.requests_per_second = before.requests_per_second;
      }
    }
  }
  rows_ = std::move(rows);
  news_ = true;
}

}  // namespace preforkd::ctl
