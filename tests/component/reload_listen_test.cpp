// SPDX-License-Identifier: MIT
// Addresses that a reload adds, keeps and removes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/listener.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/configured_master.hpp"
#include "support/load.hpp"
#include "support/proc.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Workers that report what they got. They serve their first socket.
class ReloadListen : public testing::Test {
 protected:
  [[nodiscard]] json config(const json& listen) const {
    return {{"listen", listen}, {"program", {binaries::worker("contract_reporter"), folder_.path()}}};
  }
  // "socket:[4711]" of each listening socket that the worker has, with its name.
  [[nodiscard]] std::vector<std::string> sockets_of(pid_t worker) const {
    const json report = json::parse(read_file(folder_.file("0." + std::to_string(worker))));
    std::vector<std::string> sockets;
    for (const json& descriptor : report["descriptors"]) {
      if (descriptor["listens"] == 1) sockets.push_back(descriptor["target"]);
    }
    return sockets;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.file(name); }
  [[nodiscard]] static bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }
  [[nodiscard]] static pid_t only_worker(const ConfiguredMaster& master) {
    EXPECT_TRUE(eventually([&] { return master.workers().size() == 1; }));
    return master.workers().back();
  }

  TempDir folder_;
};

TEST_F(ReloadListen, an_address_is_added_and_the_kept_one_stays_the_same_socket) {
  ConfiguredMaster master(config({path("kept")}));
  const std::vector<std::string> before = sockets_of(only_worker(master));
  master.reload(config({path("new"), path("kept")}));
  const std::vector<std::string> after = sockets_of(only_worker(master));
  ASSERT_EQ(after.size(), 2U);
  EXPECT_EQ(after[1], before[0]);
  EXPECT_THAT(Client(path("new")).ask("hello"), HasSubstr(": hello"));
  EXPECT_THAT(master.log().text(), HasSubstr("listening on " + path("new")));
}

TEST_F(ReloadListen, a_removed_address_is_gone_with_its_path_and_new_workers_do_not_get_it) {
  ConfiguredMaster master(config({path("kept"), path("removed")}));
  const std::vector<std::string> before = sockets_of(only_worker(master));
  const std::size_t mark = master.log().size();
  master.reload(config({path("kept")}));
  EXPECT_THAT(sockets_of(only_worker(master)), ElementsAre(before[0]));
  EXPECT_FALSE(exists(path("removed")));
  EXPECT_THAT(master.log().text().substr(mark), HasSubstr("no longer listening on " + path("removed")));
  EXPECT_THAT(Client(path("kept")).ask("hello"), HasSubstr(": hello"));
}

TEST_F(ReloadListen, an_address_that_cannot_be_bound_fails_the_reload_before_anything_happens) {
  const UniqueFd taken = open_listener(parse_address("127.0.0.1:0").value()).value().fd;
  const std::string address = format_address(local_address(taken.get()).value());
  ConfiguredMaster master(config({path("kept")}));
  const std::vector<pid_t> before = master.workers();
  const std::string line = master.reload(config({path("new"), address}), "reload failed");
  EXPECT_THAT(line, HasSubstr("cannot listen: " + address + ": Address already in use"));
  EXPECT_FALSE(exists(path("new")));
  EXPECT_EQ(master.workers(), before);
  EXPECT_THAT(Client(path("kept")).ask("hello"), HasSubstr(": hello"));
}

TEST_F(ReloadListen, addresses_of_a_reload_that_fails_are_closed_again_and_removed_ones_stay) {
  ConfiguredMaster master(config({path("old")}));
  const std::vector<std::string> before = sockets_of(only_worker(master));
  json bad = config({path("new")});
  bad["program"] = {binaries::worker("exits_at_once")};
  master.reload(bad, "reload failed");
  EXPECT_FALSE(exists(path("new")));
  EXPECT_TRUE(exists(path("old")));
  const std::size_t mark = master.log().size();
  ::kill(only_worker(master), SIGKILL);
  master.log().wait_for("is ready", mark);
  EXPECT_EQ(sockets_of(only_worker(master)), before) << "a later worker of the old generation has the old sockets";
  EXPECT_THAT(Client(path("old")).ask("hello"), HasSubstr(": hello"));
}

TEST_F(ReloadListen, a_failed_reload_and_its_fix_may_add_the_same_address) {
  ConfiguredMaster master(config({path("kept")}));
  json bad = config({path("kept"), path("new")});
  bad["program"] = {binaries::worker("exits_at_once")};
  master.reload(bad, "reload failed");
  master.reload(config({path("kept"), path("new")}));
  EXPECT_EQ(sockets_of(only_worker(master)).size(), 2U);
}

TEST_F(ReloadListen, a_superseding_reload_keeps_the_address_that_both_add) {
  ConfiguredMaster master(config({path("kept")}));
  json stuck = config({path("kept"), path("new")});
  stuck["program"] = {binaries::worker("hangs_on_start")};
  master.reload(stuck, "generation 2) started");
  EXPECT_TRUE(exists(path("new")));
  master.reload(config({path("kept"), path("new")}));
  EXPECT_EQ(sockets_of(only_worker(master)).size(), 2U);
  EXPECT_TRUE(can_connect(path("new")));
}

TEST_F(ReloadListen, a_new_mode_is_set_in_place_and_replaces_nobody) {
  ConfiguredMaster master(config({path("socket")}));
  const std::vector<pid_t> before = master.workers();
  master.reload(config({{{"address", path("socket")}, {"mode", "0600"}, {"backlog", 5}}}));
  struct stat status {};
  ASSERT_EQ(::lstat(path("socket").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(master.workers(), before);
}

TEST_F(ReloadListen, a_new_name_reaches_the_workers) {
  ConfiguredMaster master(config({path("socket")}));
  const std::vector<std::string> before = sockets_of(only_worker(master));
  master.reload(config({{{"address", path("socket")}, {"name", "web"}}}));
  const pid_t worker = only_worker(master);
  EXPECT_EQ(sockets_of(worker), before);
  EXPECT_THAT(json::parse(read_file(path("0." + std::to_string(worker))))["environment"],
              testing::Contains("LISTEN_FDNAMES=web"));
}

TEST_F(ReloadListen, a_path_that_was_removed_is_served_again_after_a_reload_that_changes_nothing_else) {
  ConfiguredMaster master(config({path("socket")}));
  ASSERT_EQ(::unlink(path("socket").c_str()), 0);
  json next = config({path("socket")});
  next["description"] = "needs no new worker";
  const std::size_t mark = master.log().size();
  master.reload(next);
  EXPECT_THAT(Client(path("socket")).ask("hello"), HasSubstr(": hello"));
  EXPECT_THAT(master.log().text().substr(mark),
              HasSubstr("listen " + path("socket") + ": its path is gone → bound again: new generation"));
}

TEST_F(ReloadListen, a_removed_address_refuses_clients_and_can_come_back_while_an_old_worker_drains) {
  json both = config({"127.0.0.1:0", path("kept")});
  both["program"] = {binaries::worker("ignores_sigterm")};
  both["ready"] = "exec";
  both["reload"] = {{"soak", "0s"}};
  ConfiguredMaster master(both);
  const std::string removed = master.address();
  both["listen"] = {path("kept")};
  master.reload(both);
  EXPECT_FALSE(can_connect(removed));
  both["listen"] = {removed, path("kept")};
  master.reload(both);
  EXPECT_TRUE(can_connect(removed));
}

TEST_F(ReloadListen, an_address_that_the_pools_own_socket_keeps_from_being_bound_is_refused_with_the_way_out) {
  ConfiguredMaster master(config({"127.0.0.1:0", path("kept")}));
  const std::string own = master.address();
  const std::string any = "0.0.0.0" + own.substr(own.rfind(':'));
  master.reload(config({any, path("kept")}), "reload failed");
  EXPECT_THAT(master.log().text(), HasSubstr("conflicts with the pool's own " + own + ": remove that in one reload"));
  EXPECT_TRUE(can_connect(own));
  master.reload(config({path("kept")}));
  master.reload(config({any, path("kept")}));
  EXPECT_TRUE(can_connect(own));
}

TEST_F(ReloadListen, a_config_without_an_address_is_refused) {
  ConfiguredMaster master(config({path("socket")}));
  json none = config({path("socket")});
  none.erase("listen");
  master.reload(none, "is unchanged");
  EXPECT_THAT(master.log().text(), HasSubstr("needs an address"));
}

TEST_F(ReloadListen, clients_of_the_kept_address_notice_nothing) {
  json config = {{"listen", {"127.0.0.1:0", path("a")}},
                 {"program", {binaries::worker("prefork_does_as_told")}},
                 {"workers", 2},
                 {"settings", {{"drain_idle", "keep"}}}};
  ConfiguredMaster master(config);
  const std::string kept = master.address();
  Load load(kept);
  load.wait_for_more(50);
  config["listen"] = {kept, path("b")};
  master.reload(config);
  load.wait_for_more(50);
  config["listen"] = {"@preforkd-test-" + std::to_string(::getpid()), kept};
  master.reload(config);
  load.wait_for_more(50);
  EXPECT_THAT(load.stop(), IsEmpty());
}

}  // namespace
}  // namespace preforkd::component
