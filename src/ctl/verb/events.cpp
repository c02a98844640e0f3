// SPDX-License-Identifier: MIT
#include "base/errors.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/event_text.hpp"
#include "ctl/output/human.hpp"

namespace preforkd::ctl {
namespace {

void tell(Context& context, const std::string& pool, const Signal& signal) {
  const std::uint64_t now = wall_clock_now();
  if (context.json()) {
    const auto event = event_json(signal, pool, now);
    if (event) context.screen().print(json_text(*event, context.options().json) + '\n');
    return;
  }
  const auto text = event_text(signal);
  if (text) context.screen().print(clock_time(now) + ' ' + *text + '\n');
}

}  // namespace

int run_events(Context& context) {
  PoolClient pool = context.pool();
  bool gone = false;
  pool.subscribe([&](const Signal& signal) { tell(context, pool.name(), signal); }, [&] { gone = true; });
  context.screen().remark("waiting for events of pool \"" + pool.name() + "\"; press Ctrl-C to stop");
  try {
    pool.bus().wait_for([&] { return gone; });
  } catch (const BusFailure& failure) {
    throw pool.explained(failure);
  }
  context.screen().remark("pool \"" + pool.name() + "\" has left the bus");
  return exit_code::ok;
}

}  // namespace preforkd::ctl
