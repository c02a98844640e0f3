// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "master/base/log.hpp"

// Ids of events in the journal that do not depend on the text: `journalctl MESSAGE_ID=…`. For each,
// systemd/preforkd.catalog says what it means and what to do (`journalctl -x`). An id is never changed or reused.
namespace preforkd::message_id {

inline constexpr const char* pool_started = "8028cc479aa9439b8c83b4dab4c4b0e6";
inline constexpr const char* pool_degraded = "9c2d0d2e05574a7ebd0aee8d931786b0";
inline constexpr const char* pool_recovered = "9bb77838306d418b9b8ef6796ea11424";
inline constexpr const char* pool_alert = "661b10c0b0fa4496863f0fa9a24b8ff5";
inline constexpr const char* pool_alert_over = "c974ef01a4b24e43938681abad785219";
inline constexpr const char* start_lingers = "c578abb50f2e4c929421ab18ff931cb9";
inline constexpr const char* pool_stopping = "6a4e2f49ecd142188bfa969b3ee07b12";
inline constexpr const char* pool_idle = "9b905e715221440ab9b639872b3dc1ed";
inline constexpr const char* pool_stopped = "5e0421e9e1df4150bbeab50c88192087";
inline constexpr const char* pool_scaled = "f5035ea68ede4d79a2c62297a0675aa4";
inline constexpr const char* workers_adopted = "64cab2febfe044e286ae233a122ea31e";
inline constexpr const char* workers_not_adopted = "359ba343db3e48e29bc71a951ac1fe3c";
inline constexpr const char* master_upgraded = "dfb5999303a94b44be2307b4a2c36748";
inline constexpr const char* upgrade_refused = "f67d742fcf674daa9fea3a65f4352a9f";
inline constexpr const char* worker_started = "e1cd2ff13bfd4fd7986ff6b687e0d39c";
inline constexpr const char* worker_ready = "7ad215c561f44e3f9b3fa2fa8b336700";
inline constexpr const char* worker_drains = "58975ca480024a579dfdb476cbd2d2c3";
inline constexpr const char* worker_killed = "33d9a8d0f7b04cb4868163caaa85b864";
inline constexpr const char* worker_left = "495c140f841143d4a4f0c5e8b8bcb112";
inline constexpr const char* worker_failed = "39ef031840d84bf293d4ca1cd1a46762";
inline constexpr const char* worker_hangs = "ccc7e34e29f543fb8fb80c4470e32ae7";
inline constexpr const char* worker_remains = "8d0c9a5940b94fd99364f22d055915d0";
inline constexpr const char* remains_gone = "d2cb2e38f7da405eab017438ee5f6c9a";
inline constexpr const char* connections_kept = "3f1e7a5d0b9c4c1e8d6a2b4f97c05e18";
inline constexpr const char* connections_not_taken = "513a6072c2a044e5a219d2a9a4cef2b4";
inline constexpr const char* group_swept = "5213badcae1246eb84ba526f3fe4a13d";
inline constexpr const char* worker_not_started = "1f9d44c3396144ee8b50f7709905a19a";
inline constexpr const char* deadlines_moved = "f9883ee79f29403f8e998cf68769e662";
inline constexpr const char* recycle_waits = "ef59c67092ec4211bb3802fd1cea1a0d";
inline constexpr const char* signal_ignored = "4a60d69251c74aa8907e0df7455236cf";
inline constexpr const char* file_changed = "e09776e08fb548c4aa5d2db21ed7e6f5";
inline constexpr const char* reload_begun = "cc05df50da2b4e91a38019472b511b9b";
inline constexpr const char* reload_done = "c7d5b8507c3a4bb8b65fc96c30279fc4";
inline constexpr const char* reload_failed = "34f9c4a4563f407ab3440c5e5db59311";

// As a field of a log entry.
[[nodiscard]] inline log::Field field(const char* id) { return {"MESSAGE_ID", id}; }

}  // namespace preforkd::message_id
