// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace preforkd {

// Reports a problem: on stderr, and, if systemd runs this process (its stderr is then not read), to the journal, or to
// the kernel's log before the journal exists, which the journal takes over (systemd.generator(7)). One write, never
// blocking for long, never failing.
void tell_problem(const std::string& text) noexcept;

}  // namespace preforkd
