// SPDX-License-Identifier: MIT
#include "worker/service/statistics.hpp"

#include <stdexcept>
#include <utility>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "wire/worker_env.hpp"
#include "worker/connection/own_close_reasons.hpp"

namespace prefork::internal {

Statistics::Statistics(preforkd::UniqueFd fd) {
  if (!fd) return;
  auto mapping = preforkd::StatsMapping::map(fd.get(), true);
  if (mapping) {
    shared_ = std::move(*mapping);
  } else {
    problem_ = mapping.error().text;
  }
}

std::atomic<std::uint64_t>& Statistics::counter(std::string_view name) {
  const auto in_words = [name] { return "counter \"" + preforkd::escape_bytes(name) + "\": "; };
  if (!preforkd::is_counter_name(name)) {
    throw std::invalid_argument(in_words() + "a name is a letter from a to z and up to 39 of a-z, 0-9 and _");
  }
  for (preforkd::NamedCounter& each : page().application) {
    each.set_name(name);  // takes the first one that is free
    if (each.read_name() == name) return each.value;
  }
  throw std::length_error(in_words() + "there are " + std::to_string(preforkd::named_counter_slots) + " already");
}

preforkd::StatsPage& Statistics::begin() {
  if (!problem_.empty()) {
    throw preforkd::ExitError(preforkd::exit_code::os_error,
                              std::string("cannot start: ") + preforkd::worker_env::stats_fd + ": " + problem_);
  }
  // Also those that never occur: what appears with its first value would look as if it had not grown.
  const OwnCloseReasons& own = OwnCloseReasons::of_process();
  for (std::size_t index = 0; index < own.size(); ++index) page().own_closes.at(index).set_name(own.name(index));
  page().layout.store(preforkd::StatsPage::layout_version, std::memory_order_release);
  return page();
}

}  // namespace prefork::internal
