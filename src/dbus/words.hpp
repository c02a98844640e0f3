// SPDX-License-Identifier: MIT
#pragma once

#include <string>

// The names that the master and the users of pools share, of the interfaces that the XML in this folder describes.
namespace preforkd::dbus {

inline constexpr const char* name_prefix = "org.preforkd1.";  // of a pool's name on the bus
inline constexpr const char* pool_interface = "org.preforkd1.Pool";
inline constexpr const char* worker_interface = "org.preforkd1.Worker";
inline constexpr const char* pool_path = "/org/preforkd1";
inline constexpr const char* worker_folder = "/org/preforkd1/worker/";

[[nodiscard]] inline std::string worker_path(unsigned slot) { return worker_folder + std::to_string(slot); }

// The errors that the methods of a pool and of its workers answer with.
namespace error {
inline constexpr const char* config_invalid = "org.preforkd1.Error.ConfigInvalid";
inline constexpr const char* internal = "org.preforkd1.Error.Internal";
inline constexpr const char* listen_failed = "org.preforkd1.Error.ListenFailed";
inline constexpr const char* no_such_worker = "org.preforkd1.Error.NoSuchWorker";
inline constexpr const char* not_authorized = "org.preforkd1.Error.NotAuthorized";
inline constexpr const char* out_of_range = "org.preforkd1.Error.OutOfRange";
inline constexpr const char* reload_failed = "org.preforkd1.Error.ReloadFailed";
inline constexpr const char* stopping = "org.preforkd1.Error.Stopping";
inline constexpr const char* superseded = "org.preforkd1.Error.Superseded";
inline constexpr const char* upgrade_refused = "org.preforkd1.Error.UpgradeRefused";
}  // namespace error

// The values of Pool.State, Worker.State and the state in ListWorkers().
namespace state {
inline constexpr const char* starting = "starting";
inline constexpr const char* running = "running";
inline constexpr const char* reloading = "reloading";
inline constexpr const char* degraded = "degraded";
inline constexpr const char* stopping = "stopping";
inline constexpr const char* ready = "ready";
inline constexpr const char* draining = "draining";
inline constexpr const char* backoff = "backoff";
inline constexpr const char* down = "down";
inline constexpr const char* empty = "empty";
}  // namespace state

// Who decides about TargetWorkers: Pool.Scaling.
namespace scaling {
inline constexpr const char* off = "off";
inline constexpr const char* automatic = "auto";
inline constexpr const char* pinned = "pinned";
}  // namespace scaling

// The needs of a change in Plan().
namespace needs {
inline constexpr const char* generation = "generation";
inline constexpr const char* resize = "resize";
inline constexpr const char* sockets = "sockets";
inline constexpr const char* master = "master";
inline constexpr const char* apply = "apply";
inline constexpr const char* restart = "restart";
}  // namespace needs

}  // namespace preforkd::dbus
