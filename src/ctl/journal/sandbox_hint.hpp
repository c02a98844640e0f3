// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace preforkd::ctl {

// A line, with its end, that says what to look at if one of these lines of a worker is a failure that the sandbox of
// its unit causes, too; empty if none is.
[[nodiscard]] std::string sandbox_hint(const std::string& pool, const std::vector<std::string>& lines);

}  // namespace preforkd::ctl
