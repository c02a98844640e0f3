// SPDX-License-Identifier: MIT
#pragma once

// The environment variables that identify a worker. Its other variables are in wire/worker_env.hpp.
namespace preforkd::worker_env {

inline constexpr char pool[] = "PREFORK_POOL";      // pool name
inline constexpr char worker[] = "PREFORK_WORKER";  // slot, 0…N-1

}  // namespace preforkd::worker_env
