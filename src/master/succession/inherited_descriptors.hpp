// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "master/succession/descriptor_name.hpp"

namespace preforkd {

// The descriptors that this process was started with, by name: those that systemd passes in LISTEN_FDS, which are
// sockets of its units and what an earlier master has stored with it, or those that the same process had before it
// executed this preforkd (upgrade.hpp).
class InheritedDescriptors {
 public:
  struct Named {
    std::string name;
    UniqueFd fd;
  };

  InheritedDescriptors() = default;
  // Removes what passed them from the environment, so only the first call finds any. All are CLOEXEC. Throws ExitError.
  [[nodiscard]] static InheritedDescriptors take();

  [[nodiscard]] const std::vector<Named>& all() const noexcept { return descriptors_; }
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] std::vector<Named> take_all() { return std::exchange(descriptors_, {}); }
  // In their order.
  struct Numbered {
    std::uint64_t number = 0;
    UniqueFd fd;
  };
  [[nodiscard]] std::vector<Numbered> take(DescriptorName::Kind kind);

 private:
  std::vector<Named> descriptors_;
};

// The environment variable that names the descriptor of the image after an execve.
inline constexpr const char* image_variable = "PREFORKD_IMAGE_FD";

}  // namespace preforkd
