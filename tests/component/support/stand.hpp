// SPDX-License-Identifier: MIT
#pragma once

#include <sys/stat.h>

#include <string>

#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {

// A script with the name of another program; by default it prints its arguments, one per line.
class Stand {
 public:
  explicit Stand(const std::string& name, const std::string& script = "for word; do echo \"$word\"; done\nexit 9\n") {
    const std::string path = folder_.write(name, "#!/bin/sh\n" + script);
    if (::chmod(path.c_str(), 0755) != 0) throw HarnessError("chmod failed");
  }
  [[nodiscard]] StartOptions options() const {
    StartOptions options;
    options.environment = {{"PATH", folder_.path() + ":/usr/bin:/bin"}};
    return options;
  }

 private:
  TempDir folder_;
};

}  // namespace preforkd::component
