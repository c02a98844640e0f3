// SPDX-License-Identifier: MIT
#include "master/pool/rebalance.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>

namespace preforkd {
namespace {

// A giver whose message was lost (its control channel was full) must not be left out for good.
constexpr Duration patience = std::chrono::minutes(1);

constexpr Duration rest_per_worker = std::chrono::milliseconds(1);

bool is_even(std::uint64_t most, std::uint64_t fewest) {
  return most <= fewest || most - fewest <= std::max<std::uint64_t>(1, most / 20);
}

}  // namespace

void Rebalance::request() {
  look_ = true;
  used_.clear();
}

void Rebalance::request_soon() {
  if (roster_.deadlines().last_observed() >= rests_until_) return request();
  roster_.deadlines().set(again_, rests_until_);
  used_.clear();
}

void Rebalance::end() {
  look_ = false;
  roster_.deadlines().clear(again_);
}

void Rebalance::settle(bool may_begin, unsigned target, const Generation& generation, Instant now) {
  if (!look_ || !may_begin || roster_.any_current_starts()) return;
  const Takers takers(roster_, target, generation, nullptr, load_);
  const std::vector<const Worker*> workers = takers.ready();
  const std::set<WorkerId> before = engaged(workers, now);
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<Share>> alike;
  for (const Worker* const worker : workers) {
    alike[{worker->moves->protocol, worker->moves->framing}].push_back({worker->id, load_(worker->id)});
  }
  for (auto& [moves, shares] : alike) even_out(std::move(shares), before, now);
  look_ = false;
  rests_until_ = now + workers.size() * rest_per_worker;
  if (engaged(workers, now).empty()) {
    roster_.deadlines().clear(again_);
  } else {
    roster_.deadlines().set(again_, now + patience);
  }
}

std::set<WorkerId> Rebalance::engaged(const std::vector<const Worker*>& workers, Instant now) const {
  std::set<WorkerId> ids;
  for (const Worker* const worker : workers) {
    if (!worker->gives_to || now - worker->gives_since >= patience) continue;
    ids.insert(worker->id);
    ids.insert(*worker->gives_to);
  }
  return ids;
}

void Rebalance::even_out(std::vector<Share> shares, const std::set<WorkerId>& engaged, Instant now) {
  std::uint64_t all = 0;
  for (const Share& share : shares) all += share.connections;
  const std::uint64_t fair = all / shares.size();  // and one more for some
  const std::uint64_t fair_and_one = fair + (all % shares.size() == 0 ? 0 : 1);
  std::erase_if(shares, [&](const Share& share) { return engaged.contains(share.id); });
  std::stable_sort(shares.begin(), shares.end(),
                   [](const Share& a, const Share& b) { return a.connections < b.connections; });
  while (shares.size() > 1) {
    const Share most = shares.back();
    shares.pop_back();
    const auto fewest = std::find_if(shares.begin(), shares.end(), [&](const Share& share) {
      return !used_.contains({most.id, share.id});
    });
    if (fewest == shares.end() || is_even(most.connections, fewest->connections)) continue;
    if (most.connections <= fair || fewest->connections >= fair_and_one) continue;
    const std::uint64_t max = std::min(most.connections - fair, fair_and_one - fewest->connections);
    introduce(most.id, fewest->id, max, now);
    shares.erase(fewest);
  }
}

void Rebalance::introduce(WorkerId id, WorkerId taker, std::uint64_t max, Instant now) {
  Worker& giver = *roster_.find(id);
  giver.gives_to = taker;
  giver.gives_since = now;
  used_.emplace(id, taker);
  constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
  roster_.actions().emplace_back(Introduce{id, taker, static_cast<std::uint32_t>(std::min(max, most))});
}

}  // namespace preforkd
