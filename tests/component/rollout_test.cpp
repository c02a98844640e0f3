// SPDX-License-Identifier: MIT
// preforkctl rollout with real pools, each on a bus of its own; in place of ssh a script leads to them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "support/shown_pool.hpp"
#include "support/stand.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class RolloutOverSsh : public testing::Test {
 protected:
  void SetUp() override {
    if (::access("/usr/bin/systemd-stdio-bridge", X_OK) != 0) GTEST_SKIP() << "needs systemd-stdio-bridge";
  }

  [[nodiscard]] StartOptions options() const {
    StartOptions options = ssh_.options();
    options.environment.insert(options.environment.end(), {{"XDG_STATE_HOME", state_.path()},
                                                           {"PREFORKD", binaries::preforkd},
                                                           {"ONE", one_.bus.address()},
                                                           {"TWO", two_.bus.address()},
                                                           {"BRIDGES", state_.file("bridges")}});
    return options;
  }
  [[nodiscard]] std::vector<std::string> line(const std::vector<std::string>& words,
                                              const std::string& drain_wait = "0s") const {
    std::vector<std::string> line{"rollout",         "--hosts",  "one,two", "--drain-wait", drain_wait,
                                  "--drain-timeout", drain_wait, "--soak",  "0s",           "test"};
    line.insert(line.end(), words.begin(), words.end());
    return line;
  }
  [[nodiscard]] Ended rollout(const std::vector<std::string>& words = {}) const {
    return run(binaries::preforkctl, line(words), options());
  }

  TempDir state_;
  ShownPool one_;
  ShownPool two_;
  Stand ssh_{"ssh", R"(case "$*" in
  *preforkd-is-new*) echo no such package; exit 100 ;;
  *preforkd*version*) echo "Authorized users only" >&2; exec "$PREFORKD" --version ;;
  *one*) bus=$ONE ;;
  *two*) bus=$TWO ;;
esac
echo $$ >>"$BRIDGES"
exec systemd-stdio-bridge --bus-path="$bus"
)"};
};

TEST_F(RolloutOverSsh, reloads_one_host_after_the_other) {
  const Ended planned = rollout({"--dry-run"});
  EXPECT_EQ(planned.status, 0) << planned.err;
  EXPECT_THAT(planned.out, AllOf(HasSubstr("two "), HasSubstr("reload: nothing has changed")));
  EXPECT_EQ(one_.get("Generation"), "1");
  const Ended ended = rollout({"--json=short"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(json::parse(ended.out)["ok"], true);
  EXPECT_EQ(json::parse(ended.out)["hosts"][1],
            (json{{"host", "two"}, {"result", "done"}, {"message", ""}, {"drained", false}}));
  EXPECT_THAT(ended.err, HasSubstr("[2/2] two: done\nrollout done: 2 hosts\n"));
  for (ShownPool* const pool : {&one_, &two_}) {
    EXPECT_EQ(pool->get("Generation"), "2");
    EXPECT_EQ(pool->get("Drained"), "false");
    EXPECT_THAT(pool->master.log().text(), HasSubstr("no longer drained"));
  }
}

TEST_F(RolloutOverSsh, a_bad_version_stops_at_the_first_host_and_the_next_rollout_continues) {
  json bad = pool_config(2);
  bad["program"] = {"/bin/false"};
  two_.master.write(bad);
  const Ended ended = rollout();
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("the rollout has stopped\ntwo: reload: pool \"test\": "),
                               HasSubstr("exit status 1"), HasSubstr("; it serves as before\n")));
  EXPECT_EQ(one_.get("Generation"), "2");
  EXPECT_EQ(two_.get("Drained"), "false");
  two_.master.write(pool_config(2));
  const Ended next = rollout();
  EXPECT_EQ(next.status, 0) << next.err;
  EXPECT_THAT(next.err, HasSubstr("[1/2] one: done by the rollout before"));
  EXPECT_EQ(one_.get("Generation"), "2");
  EXPECT_NE(two_.get("Generation"), "1");
  EXPECT_EQ(rollout().status, 0);
  EXPECT_EQ(one_.get("Generation"), "3") << "the one before was complete";
}

TEST_F(RolloutOverSsh, a_command_that_fails_leaves_the_host_as_it_was) {
  const Ended ended = rollout({"--upgrade-command=preforkd-is-new"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err,
              HasSubstr("one: upgrade: the command ended with exit status 100:\nno such package; it serves as before"));
  EXPECT_EQ(one_.get("Drained"), "false");
}

TEST_F(RolloutOverSsh, a_config_that_is_wrong_on_one_host_touches_none) {
  two_.master.write_text("{}");
  EXPECT_EQ(rollout().status, 1);
  EXPECT_THAT(one_.master.log().text(), Not(HasSubstr("drained")));
}

// Ctrl-C in a terminal also reaches ssh.
TEST_F(RolloutOverSsh, ended_before_the_reload_it_ends_the_drain) {
  Process process(binaries::preforkctl, line({}, "1min"), options());
  one_.master.log().wait_for("drained: load balancers");
  std::istringstream bridges(read_file(state_.file("bridges")));
  for (pid_t bridge = 0; bridges >> bridge;) kill(bridge, SIGINT);
  process.signal(SIGINT);
  EXPECT_EQ(process.wait_exit().status, 130);
  EXPECT_THAT(process.err().text(), HasSubstr("the rollout was interrupted\nnot done: one, two\n"));
  EXPECT_EQ(one_.get("Drained"), "false");
  EXPECT_EQ(one_.get("Generation"), "1");
}

TEST_F(RolloutOverSsh, is_for_hosts_and_leaves_some_in_rotation) {
  const auto refused = [&](const std::vector<std::string>& words) {
    const Ended ended = run(binaries::preforkctl, words, options());
    EXPECT_EQ(ended.status, 64);
    return ended.err;
  };
  EXPECT_THAT(refused({"rollout", "test"}), HasSubstr("--hosts is missing"));
  EXPECT_THAT(refused({"rollout", "test", "--hosts=a,b", "--user"}), HasSubstr("no other bus"));
  EXPECT_THAT(refused({"rollout", "test", "--hosts=a,b", "--parallel=2"}), HasSubstr("leave none that gets clients"));
  EXPECT_THAT(refused({"rollout", "test", "--hosts=a,b", "--drain-timeout=1s"}), HasSubstr("less than --drain-wait"));
}

}  // namespace
}  // namespace preforkd::component
