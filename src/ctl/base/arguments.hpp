// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace preforkd::ctl {

// Arguments of verbs, checked; each throws CommandError (64) that says what one looks like.

// A pool's name. Of a unit's, "preforkd@echo.service" or "preforkd@echo.socket", it is the middle.
[[nodiscard]] std::string pool_argument(const std::string& text);

[[nodiscard]] std::uint32_t slot_argument(const std::string& text);

// A number of workers.
[[nodiscard]] std::uint32_t workers_argument(const std::string& text);

}  // namespace preforkd::ctl
