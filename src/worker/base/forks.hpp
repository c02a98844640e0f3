// SPDX-License-Identifier: MIT
#pragma once

namespace prefork::internal {

// A child that the application has forked holds copies of all descriptors until it executes a program: close(2) in the
// worker is then neither an end of file for the client nor the end of a registration with epoll. posix_spawn(3)
// executes at once and does not count.

// The functions below count forks from the first call of this on; each user of them calls it.
void watch_forks() noexcept;
// This process has forked since.
[[nodiscard]] bool have_forked() noexcept;
// Another number in a forked child than in its parent: it shares the parent's epoll descriptors, and must not use them.
[[nodiscard]] unsigned fork_generation() noexcept;

}  // namespace prefork::internal
