// SPDX-License-Identifier: MIT
#include "ctl/bus/pool_survey.hpp"

#include <variant>

#include "base/errors.hpp"
#include "ctl/bus/failure_text.hpp"
#include "ctl/bus/pool_client.hpp"

namespace preforkd::ctl {
namespace {

constexpr std::uint64_t patience_us = 5'000'000;

}  // namespace

std::vector<SurveyedPool> survey(Bus& bus, const std::vector<std::string>& names) {
  std::vector<std::optional<Reply>> replies(names.size());
  std::size_t missing = names.size();
  try {
    for (std::size_t i = 0; i < names.size(); ++i) {
      MethodCall call = PoolClient(bus, names[i], false).get_all_call();
      call.timeout_us = patience_us;
      bus.call_async(call, [&replies, &missing, i](const Reply& reply) {
        replies[i] = reply;
        --missing;
      });
    }
    bus.wait_for([&] { return missing == 0; });
  } catch (const BusFailure& failure) {
    throw CommandError(exit_code::unavailable, "lost " + describe(bus.target()) + ": " + failure.what());
  }

  std::vector<SurveyedPool> pools;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (const auto* const answer = std::get_if<Json>(&*replies[i])) {
      pools.push_back({names[i], pool_state(answer->at(0))});
    } else if (!is_absent(std::get<BusFailure>(*replies[i]))) {
      pools.push_back({names[i], std::nullopt});
    }
  }
  return pools;
}

}  // namespace preforkd::ctl
