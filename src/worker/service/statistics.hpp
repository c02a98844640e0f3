// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"
#include "wire/stats_page.hpp"

namespace prefork::internal {

// Where this process counts: in the page that preforkd gave to it, or else in one that only it sees. It is the same
// page before and during run(), so that counters that threads hold stay valid.
class Statistics {
 public:
  // `fd` is that of preforkd's page, or none.
  explicit Statistics(preforkd::UniqueFd fd);

  // As Server::counter(). The counter is valid as long as this object.
  [[nodiscard]] std::atomic<std::uint64_t>& counter(std::string_view name);
  // At the start of run(): from now on the master reads the page. Throws ExitError if preforkd's page can't be used.
  [[nodiscard]] preforkd::StatsPage& begin();

 private:
  [[nodiscard]] preforkd::StatsPage& page() noexcept { return shared_ ? *shared_.get() : private_; }

  preforkd::StatsMapping shared_;
  preforkd::StatsPage private_{};
  std::string problem_;  // why there is no shared page, if there should be one
};

}  // namespace prefork::internal
