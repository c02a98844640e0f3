// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace preforkd::ctl {

// A letter, then at most 62 letters, digits and '_'.
[[nodiscard]] bool is_pool_name(std::string_view name);

// Arguments of verbs, checked; each throws CommandError (64) that says what one looks like.

// A pool's name. Of a unit's, "preforkd@echo.service", it is the middle.
[[nodiscard]] std::string pool_argument(const std::string& text);

[[nodiscard]] std::uint32_t slot_argument(const std::string& text);

// A number of workers.
[[nodiscard]] std::uint32_t workers_argument(const std::string& text);

}  // namespace preforkd::ctl
