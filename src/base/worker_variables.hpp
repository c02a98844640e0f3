// SPDX-License-Identifier: MIT
#pragma once

// The environment variables by which a worker can be told from any other process. What else a worker gets is in
// wire/worker_env.hpp.
namespace preforkd::worker_env {

inline constexpr char pool[] = "PREFORK_POOL";      // pool name
inline constexpr char worker[] = "PREFORK_WORKER";  // slot, 0…N-1

}  // namespace preforkd::worker_env
