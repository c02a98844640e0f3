// SPDX-License-Identifier: MIT
#include "master/pool/introductions.hpp"

#include <algorithm>
#include <utility>

namespace preforkd {
namespace {

bool is_open(const Action& action) {
  const auto* const introduce = std::get_if<Introduce>(&action);
  return introduce != nullptr && introduce->taker == WorkerId{};
}

// Null if there is none.
const Worker* find_taker(Worker& giver, Takers& takers) {
  if (giver.is_over()) return nullptr;
  const Worker* const taker = takers.choose(giver);
  if (taker == nullptr) return nullptr;
  giver.taker = taker->id;
  giver.seeks = false;
  return taker;
}

}  // namespace

void Introductions::seeks(Worker& giver, std::uint32_t connections) {
  if (!giver.moves) return;
  giver.left_over = connections;
  if (giver.taker) {
    std::erase_if(giver.tried, [this](WorkerId id) { return roster_.find(id) == nullptr; });
    giver.tried.push_back(*std::exchange(giver.taker, std::nullopt));
  }
  if (!std::exchange(giver.seeks, true)) seekers_.push_back(giver.id);
}

void Introductions::settle(unsigned target, const Generation& generation, const Generation* replaced) {
  std::vector<Action>& actions = roster_.actions();
  if (seekers_.empty() && std::none_of(actions.begin(), actions.end(), is_open)) return;
  Takers takers(roster_, target, generation, replaced, load_);
  for (Action& action : actions) {
    if (!is_open(action)) continue;
    auto& introduce = std::get<Introduce>(action);
    Worker* const giver = roster_.find(introduce.giver);
    const Worker* const taker = giver == nullptr ? nullptr : find_taker(*giver, takers);
    if (taker != nullptr) introduce.taker = taker->id;
  }
  std::erase_if(actions, is_open);
  std::erase_if(seekers_, [&](WorkerId id) { return answer(id, takers); });
}

// One that does not leave yet has died or is about to say that it leaves: its slot gets another worker then.
bool Introductions::answer(WorkerId seeker, Takers& takers) {
  Worker* const giver = roster_.find(seeker);
  if (giver == nullptr || !giver->seeks) return true;
  // Its keeper will be heard when the end of the worker is seen, a moment later.
  if (giver->leaving == ExitCause::hang && giver->sigkilled && !giver->remains) return false;
  if (const Worker* const taker = find_taker(*giver, takers)) {
    roster_.actions().emplace_back(Introduce{seeker, taker->id});
  } else if (giver->place == Place::leaving && !takers.may_come(*giver)) {
    roster_.actions().emplace_back(DismissGiver{seeker});
    giver->seeks = false;
    if (const auto reason = takers.reason_for_none(*giver); reason && giver->left_over > 0) {
      NotTakenCounts connections{};
      connections[static_cast<std::size_t>(*reason)] = giver->left_over;
      roster_.actions().emplace_back(ReportNotTaken{roster_.view(*giver), connections});
    }
  }
  return !giver->seeks;
}

}  // namespace preforkd
