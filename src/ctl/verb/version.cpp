// SPDX-License-Identifier: MIT
#include "base/errors.hpp"
#include "ctl/base/command_error.hpp"
#include "ctl/bus/pool_survey.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/printable.hpp"

namespace preforkd::ctl {
namespace {

// Without a bus there is still a version to tell.
std::vector<SurveyedPool> pools_on(Context& context) {
  try {
    return survey(context.bus(), pool_names(context.bus()));
  } catch (const CommandError& error) {
    context.screen().remark(error.what());
    return {};
  }
}

}  // namespace

int run_version(Context& context) {
  const std::vector<SurveyedPool> pools = pools_on(context);
  Json versions{{"preforkctl", PREFORKD_VERSION}, {"pools", Json::object()}};
  std::string text = "preforkctl " PREFORKD_VERSION "\n";
  for (const SurveyedPool& pool : pools) {
    if (!pool.state) continue;
    versions["pools"][pool.name] = pool.state->version;
    text += "pool \"" + pool.name + "\": preforkd " + printable(pool.state->version) + '\n';
  }
  if (context.json()) {
    context.screen().show(versions);
  } else {
    context.screen().show(text);
  }
  return exit_code::ok;
}

}  // namespace preforkd::ctl
