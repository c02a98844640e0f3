// SPDX-License-Identifier: MIT
// The records of a pool's image, of another version or damaged: what is read from them is refused, or makes a scheduler
// that works.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "master/pool/scheduler.hpp"
#include "master/succession/pool_fields.hpp"
#include "require.hpp"

using namespace preforkd;

namespace {

// A byte for its length, then the slot.
std::string_view next_part(std::string_view& rest) {
  if (rest.empty()) return {};
  const auto size = std::min<std::size_t>(static_cast<unsigned char>(rest.front()) * std::size_t{4}, rest.size() - 1);
  const std::string_view part = rest.substr(1, size);
  rest.remove_prefix(1 + size);
  return part;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  PoolImage image;
  const auto pool = decode<PoolRecord>(next_part(rest));
  if (!pool) return 0;
  image.pool = *pool;
  while (!rest.empty()) {
    const auto slot = decode<SlotImage>(next_part(rest));
    if (!slot) return 0;
    require(decode<SlotImage>(encode(*slot)) == slot, "what was read can be written again");
    image.slots.push_back(*slot);
  }
  const auto config = std::make_shared<const PoolConfig>();
  const Generations generations{{image.pool.generation, config}, {1, config}};
  if (!check(image, generations)) return 0;
  const Instant now = Instant{std::chrono::hours(1)};
  Scheduler scheduler(
      image, generations, [](WorkerId) { return std::uint64_t{0}; }, now);
  scheduler.step(event::Tick{}, now);
  std::vector<Action> actions;
  scheduler.take_actions(actions);
  require(scheduler.target() <= max_workers, "the number of workers has a limit");
  return 0;
}
