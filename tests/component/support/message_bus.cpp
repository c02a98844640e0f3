// SPDX-License-Identifier: MIT
#include "support/message_bus.hpp"

#include <signal.h>

#include <filesystem>
#include <vector>

#include "support/binaries.hpp"

namespace preforkd::component {

MessageBus::MessageBus(Policy policy) : policy_(policy) { start(); }

// The second is that of dbus-daemon's own system.conf, before the files of packages are read.
std::string MessageBus::policy() const {
  if (policy_ == Policy::open) {
    return R"(<policy context="default">
    <allow user="*"/> <allow own="*"/> <allow send_destination="*" eavesdrop="true"/> <allow eavesdrop="true"/>
  </policy>)";
  }
  return R"(<policy context="default">
    <allow user="*"/> <deny own="*"/> <deny send_type="method_call"/> <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/> <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/> <allow receive_type="method_return"/> <allow receive_type="error"/>
    <allow receive_type="signal"/> <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <include>)" +
         binaries::bus_policy + "</include>";
}

void MessageBus::start() {
  const std::string config = R"(<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>)" + address() + R"(</listen>
)" + policy() + R"(
</busconfig>
)";
  using std::filesystem::perms;
  std::filesystem::permissions(folder_.path(), perms::group_exec | perms::others_exec,
                               std::filesystem::perm_options::add);
  daemon_.emplace("/usr/bin/dbus-daemon", std::vector<std::string>{"--nofork", "--print-address",
                                                                   "--config-file=" + folder_.write("conf", config)});
  daemon_->out().wait_for("unix:path=");
}

void MessageBus::stop() {
  daemon_->signal(SIGKILL);
  daemon_->wait_exit();
  std::filesystem::remove(folder_.path() + "/bus");
}

}  // namespace preforkd::component
