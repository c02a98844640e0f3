// SPDX-License-Identifier: MIT
#include "ctl/output/event_text.hpp"

#include <gtest/gtest.h>

namespace preforkd::ctl {
namespace {

Signal pool_signal(const std::string& member, Json arguments) {
  return {"/org/preforkd1", "org.preforkd1.Pool", member, std::move(arguments)};
}

Signal changed(const std::string& interface, Json properties) {
  return {"/org/preforkd1",
          "org.freedesktop.DBus.Properties",
          "PropertiesChanged",
          {interface, std::move(properties), Json::array()}};
}

TEST(EventText, each_signal_is_a_sentence) {
  EXPECT_EQ(event_text(pool_signal("WorkerStarted", {3, 77, 2})), "worker 3 (pid 77, generation 2) started");
  EXPECT_EQ(event_text(pool_signal("WorkerReady", {3, 77, 2})), "worker 3 (pid 77, generation 2) is ready");
  EXPECT_EQ(event_text(pool_signal("WorkerExited", {3, 77, 2, "signal", "signaled", 9, "died: SIGKILL\x1b"})),
            "worker 3 (pid 77, generation 2) died: SIGKILL\\x1b");
  EXPECT_EQ(event_text(pool_signal("ReloadFinished", {true, 2, "ok"})), "reload done: ok");
  EXPECT_EQ(event_text(pool_signal("ReloadFinished", {false, 2, "bad"})), "reload failed: bad");
  EXPECT_EQ(event_text(changed("org.preforkd1.Pool", {{"State", "degraded"}})), "pool is degraded");
}

TEST(EventText, other_signals_are_none) {
  EXPECT_FALSE(event_text(pool_signal("Unknown", Json::array())));
  EXPECT_FALSE(event_text(changed("org.preforkd1.Pool", {{"Generation", 2}})));
  EXPECT_FALSE(event_text(changed("org.preforkd1.Worker", {{"State", "ready"}})));
  EXPECT_FALSE(event_json({"/x", "org.example", "WorkerStarted", {1, 2, 3}}, "echo", 5));
}

TEST(EventText, a_signal_without_its_arguments_harms_nobody) {
  EXPECT_EQ(event_text(pool_signal("WorkerStarted", Json::array())), "worker null (pid null, generation null) started");
  EXPECT_FALSE(event_text({"/x", "org.freedesktop.DBus.Properties", "PropertiesChanged", Json::array()}));
}

TEST(EventText, as_json_it_has_its_time_and_its_pool) {
  const auto event =
      event_json(pool_signal("WorkerExited", {3, 77, 2, "exit", "exited", 7, "exit status 7"}), "echo", 55);
  EXPECT_EQ(
      event->dump(),
      R"({"event":"worker_exited","at":55,"pool":"echo","slot":3,"pid":77,"generation":2,"cause":"exit","kind":"exited","status":7,)"
      R"("text":"exit status 7"})");
}

}  // namespace
}  // namespace preforkd::ctl
