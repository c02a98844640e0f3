// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <nlohmann/json.hpp>
#include <string>

#include "support/binaries.hpp"
#include "support/configured_master.hpp"

namespace preforkd::component {
namespace {

// After half an event the master would continue with a worker that does not exist, or never exit.
TEST(OutOfMemory, ends_the_master_with_a_line) {
#ifdef __has_feature
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "AddressSanitizer ends a process that is out of memory by itself";
#endif
#endif
  const nlohmann::json config = {{"listen", {"127.0.0.1:0"}}, {"program", {binaries::worker("does_as_told")}}};
  ConfiguredMaster master(config);
  const rlimit nothing_more{1, 1};
  ASSERT_EQ(prlimit(master.process().pid(), RLIMIT_AS, &nothing_more, nullptr), 0);
  master.write_text("/*" + std::string(900'000, 'x') + "*/" + config.dump());
  master.process().signal(SIGHUP);
  EXPECT_EQ(master.process().wait_exit().status, 71);
  master.log().wait_for("out of memory");
}

}  // namespace
}  // namespace preforkd::component
