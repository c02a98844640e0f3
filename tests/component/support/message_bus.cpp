// SPDX-License-Identifier: MIT
#include "support/message_bus.hpp"

namespace preforkd::component {
namespace {

std::string configuration(const std::string& socket) {
  return "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" "
         "\"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
         "<busconfig><type>session</type><listen>unix:path=" +
         socket +
         "</listen><policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>"
         "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n";
}

}  // namespace

MessageBus::MessageBus() {
  const std::string config = folder_.write("bus.conf", configuration(folder_.file("bus")));
  process_.emplace("/usr/bin/dbus-daemon",
                   std::vector<std::string>{"--config-file=" + config, "--nofork", "--print-address"});
  address_ = process_->out().wait_for("unix:");
}

}  // namespace preforkd::component
