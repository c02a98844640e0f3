// SPDX-License-Identifier: MIT
#include "master/pool/event.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <optional>

namespace preforkd {
namespace {

TEST(Event, has_one_line_of_text) {
  const WorkerId id{7};
  EXPECT_EQ(to_string(event::Start{}), "start");
  EXPECT_EQ(to_string(event::WorkerReady{id}), "worker-ready 7");
  EXPECT_EQ(to_string(event::WorkerWatchdogTimeout{id, std::chrono::milliseconds(1500)}),
            "worker-watchdog-timeout 7: 1.5s");
  EXPECT_EQ(to_string(event::WorkersUnheard{{id, WorkerId{8}}}), "workers-unheard 7 8");
  EXPECT_EQ(to_string(event::WorkerMeasured{id, 3, std::nullopt}), "worker-measured 7: requests 3");
  EXPECT_EQ(to_string(event::WorkerMeasured{id, 3, 4096}), "worker-measured 7: requests 3, memory 4096");
  EXPECT_EQ(to_string(event::WorkerExited{id, 4711, {ExitStatus::Kind::signaled, SIGKILL, {}}, true, true}),
            "worker-exited 7 (pid 4711): signal 9 (SIGKILL), oom, remains");
  EXPECT_EQ(to_string(event::LaunchFailed{id, EAGAIN}), "launch-failed 7: Resource temporarily unavailable (EAGAIN)");
  EXPECT_EQ(to_string(event::Kill{2, SIGUSR1}), "kill 2 SIGUSR1");
  EXPECT_EQ(to_string(event::StopNow{}), "stop-now");
}

}  // namespace
}  // namespace preforkd
