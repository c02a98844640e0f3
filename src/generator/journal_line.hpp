// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace preforkd {

// Tells of a problem: on stderr, and where systemd runs us, whose stderr nobody reads then, to the kernel's log, which
// is there before the journal is and which the journal takes over (systemd.generator(7)). One write, never blocking for
// long, never failing.
void tell_problem(const std::string& text) noexcept;

}  // namespace preforkd
