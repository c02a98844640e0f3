// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "master/pool/worker_types.hpp"

namespace preforkd {

// The name of a descriptor that preforkd stores with systemd, or leaves open for an execve: "preforkd-w-17". It comes
// back among the sockets (inherited_descriptors.hpp).
struct DescriptorName {
  enum class Kind : std::uint8_t {
    listener,          // and the socket's number in the kernel
    image,             // and the number of the master
    worker,            // and its WorkerId
    program,           // and the number of its generation
    runtime_directory  // and the number of the master
  };
  Kind kind = Kind::listener;
  std::uint64_t number = 0;

  [[nodiscard]] static DescriptorName of(WorkerId id) { return {Kind::worker, static_cast<std::uint64_t>(id)}; }
  // nullopt: of something else, or of a kind that only another version of preforkd knows.
  [[nodiscard]] static std::optional<DescriptorName> parse(std::string_view text);
  [[nodiscard]] std::string text() const;

  bool operator==(const DescriptorName&) const = default;
  bool operator<(const DescriptorName& other) const noexcept {
    return kind != other.kind ? kind < other.kind : number < other.number;
  }
};

// Every version's names begin so.
inline constexpr std::string_view own_prefix = "preforkd-";

}  // namespace preforkd
