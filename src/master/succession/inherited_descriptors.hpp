// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"

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
  // Takes those whose name begins with `prefix`, in their order.
  [[nodiscard]] std::vector<Named> take(std::string_view prefix);

 private:
  std::vector<Named> descriptors_;
};

// The environment variable that names the descriptor of the image after an execve.
inline constexpr const char* image_variable = "PREFORKD_IMAGE_FD";

// Names of descriptors that preforkd itself stores with systemd; they come back among the sockets.
inline constexpr std::string_view own_prefix = "preforkd-";
inline constexpr std::string_view listener_prefix = "preforkd-listener-";  // and the socket's number in the kernel
inline constexpr std::string_view image_prefix = "preforkd-image-";        // and the number of the master
inline constexpr std::string_view worker_prefix = "preforkd-w-";           // and its WorkerId
inline constexpr std::string_view program_prefix = "preforkd-program-";    // and the number of its generation
inline constexpr std::string_view runtime_directory_name = "preforkd-runtime-directory";

}  // namespace preforkd
