// SPDX-License-Identifier: MIT
#include "base/errors.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"

namespace preforkd::ctl {

int run_upgrade(Context& context) {
  PoolClient pool = context.pool_to_change();
  const std::string version = pool.upgrade();
  context.screen().remark("upgrade done: " + version + " continues with the workers");
  if (context.json()) context.screen().show(Json{{"version", version}});
  return exit_code::ok;
}

}  // namespace preforkd::ctl
