// SPDX-License-Identifier: MIT
#include "ctl/rollout/rollout_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/errors.hpp"
#include "unit/temp_folder.hpp"

namespace preforkd::ctl {
namespace {

using testing::IsEmpty;

class RolloutRecordTest : public testing::Test {
 protected:
  RolloutRecordTest() { ::setenv("XDG_STATE_HOME", folder_.path().c_str(), 1); }
  ~RolloutRecordTest() override { ::unsetenv("XDG_STATE_HOME"); }

  [[nodiscard]] std::string file() const { return folder_.path() + "/preforkctl/rollout-web.json"; }

  TempFolder folder_;
  const PoolMark mark_{"1.0", 100, 4, 7};
};

TEST_F(RolloutRecordTest, remembers_hosts_until_all_are_done) {
  RolloutRecord record("web", false, false);
  EXPECT_THAT(record.hosts(), IsEmpty());
  EXPECT_TRUE(record.set("h1", {false, mark_}));
  EXPECT_TRUE(record.set("h2", {true, std::nullopt}));
  const RolloutRecord next("web", false, false);
  EXPECT_EQ(next.hosts().at("h1").done, mark_);
  EXPECT_FALSE(next.hosts().at("h1").drained);
  EXPECT_TRUE(next.hosts().at("h2").drained);
  EXPECT_THAT(RolloutRecord("other", false, false).hosts(), IsEmpty());
  EXPECT_TRUE(record.forget({"h1", "h2"}));
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(RolloutRecordTest, of_another_kind_of_rollout_knows_only_drains) {
  EXPECT_TRUE(RolloutRecord("web", false, false).set("h1", {true, mark_}));
  const RolloutRecord next("web", true, false);
  EXPECT_TRUE(next.hosts().at("h1").drained);
  EXPECT_FALSE(next.hosts().at("h1").done);
}

TEST_F(RolloutRecordTest, keeps_hosts_of_other_rollouts) {
  RolloutRecord record("web", false, false);
  EXPECT_TRUE(record.set("h1", {false, mark_}));
  EXPECT_TRUE(record.forget({"h2"}));
  EXPECT_EQ(RolloutRecord("web", false, false).hosts().size(), 1U);
}

TEST_F(RolloutRecordTest, that_is_damaged_is_empty) {
  for (const char* const text : {"", "{", "[]", "{}", R"({"hosts": 3})", R"({"hosts": {"h1": {"drained": 1}}})",
                                 R"({"action": "reload", "hosts": {"h1": {"drained": true, "done": {}}}})"}) {
    std::filesystem::create_directories(folder_.path() + "/preforkctl");
    folder_.write("preforkctl/rollout-web.json", text);
    EXPECT_THAT(RolloutRecord("web", false, false).hosts(), IsEmpty()) << text;
  }
}

TEST_F(RolloutRecordTest, needs_a_place) {
  ::setenv("XDG_STATE_HOME", "relative", 1);
  const std::string home = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "/root";
  ::unsetenv("HOME");
  EXPECT_THROW(RolloutRecord("web", false, false), ExitError);
  ::setenv("HOME", home.c_str(), 1);
}

TEST_F(RolloutRecordTest, is_that_of_one_rollout_at_a_time) {
  const auto acting = [](const std::string& pool) { return RolloutRecord(pool, false, true); };
  {
    const RolloutRecord first = acting("web");
    EXPECT_THROW(acting("web"), ExitError);
    EXPECT_NO_THROW(acting("other"));
    EXPECT_NO_THROW(RolloutRecord("web", false, false)) << "a dry run";
  }
  EXPECT_NO_THROW(acting("web"));
}

}  // namespace
}  // namespace preforkd::ctl
