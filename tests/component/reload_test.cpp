// SPDX-License-Identifier: MIT
// What a reload changes, and what stays as it was if it fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/configured_master.hpp"
#include "support/load.hpp"
#include "support/master.hpp"
#include "support/notify_receiver.hpp"
#include "support/proc.hpp"
#include "support/stop_now.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

json pool_of(const std::string& program, unsigned workers = 2) {
  return {{"listen", {"127.0.0.1:0"}}, {"program", {program}}, {"workers", workers}};
}

json does_as_told(unsigned workers = 2) { return pool_of(binaries::worker("does_as_told"), workers); }

void put(const std::string& program, const std::string& path) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  // As a package manager does it: a new file replaces the old one by rename(2).
  std::filesystem::copy_file(binaries::worker(program), path + ".new");
  std::filesystem::rename(path + ".new", path);
}

// A worker that was just cloned may not have executed its program yet.
bool all_run(const ConfiguredMaster& master, const std::string& file) {
  return eventually([&] {
    const std::vector<pid_t> workers = master.workers();
    return std::all_of(workers.begin(), workers.end(), [&](pid_t worker) {
      std::error_code gone;
      return std::filesystem::equivalent("/proc/" + std::to_string(worker) + "/exe", file, gone);
    });
  });
}

TEST(Reload, picks_up_a_new_program_at_the_same_path_even_if_the_config_only_wants_more_workers) {
  const TempDir folder;
  const std::string program = folder.file("server");
  put("does_as_told", program);
  ConfiguredMaster master(pool_of(program, 2));
  const std::vector<pid_t> before = master.workers();
  put("does_as_told", program);
  EXPECT_THAT(master.reload(pool_of(program, 3)), HasSubstr("generation 2 is live"));
  EXPECT_THAT(master.log().text(), HasSubstr("file " + program + ": changed: new generation"));
  EXPECT_TRUE(master.all_new(before, 3));
  EXPECT_TRUE(all_run(master, program));
}

TEST(Reload, follows_a_symbolic_link_that_was_switched) {
  const TempDir folder;
  put("does_as_told", folder.file("v1/server"));
  put("does_as_told", folder.file("v2/server"));
  const std::string current = folder.file("current");
  std::filesystem::create_symlink(folder.file("v1"), current);
  ConfiguredMaster master(pool_of(current + "/server"));
  const std::vector<pid_t> before = master.workers();
  std::filesystem::create_symlink(folder.file("v2"), current + ".new");
  std::filesystem::rename(current + ".new", current);
  master.hup("reload done");
  EXPECT_TRUE(master.all_new(before, 2));
  EXPECT_TRUE(all_run(master, folder.file("v2/server")));
}

// Started by hand in a folder that is a symbolic link, as in a shell; then the old release is deleted.
TEST(Reload, of_a_relative_program_uses_the_release_to_which_the_current_directory_leads_now) {
  const TempDir folder;
  put("does_as_told", folder.file("1/server"));
  put("does_as_told", folder.file("2/server"));
  const std::string current = folder.file("current");
  std::filesystem::create_symlink("1", current);
  Master::Options options = with_workers(1);
  options.start.directory = current;
  options.start.environment = {{"PWD", current}};
  const Master master({"./server"}, options);
  master.wait_ready();
  std::filesystem::create_symlink("2", current + ".new");
  std::filesystem::rename(current + ".new", current);
  std::filesystem::remove_all(folder.file("1"));
  const std::size_t mark = master.log().size();
  master.signal(SIGHUP);
  master.log().wait_for("reload done", mark);
  const std::string process = "/proc/" + std::to_string(master.worker(0, mark));
  EXPECT_EQ(std::filesystem::read_symlink(process + "/exe"), folder.file("2/server"));
  EXPECT_EQ(std::filesystem::read_symlink(process + "/cwd"), folder.file("2"));
}

TEST(Reload, that_fails_leaves_the_program_as_it_was_for_a_worker_that_dies_later) {
  const TempDir folder;
  const std::string program = folder.file("server");
  put("does_as_told", program);
  ConfiguredMaster master(pool_of(program, 1));
  put("exits_at_once", program);
  master.hup("reload failed");
  const std::vector<pid_t> before = master.workers();
  const std::size_t mark = master.log().size();
  ::kill(before.front(), SIGKILL);
  EXPECT_THAT(master.log().wait_for(program + " has changed; generation 1", mark),
              HasSubstr("keeps running the old file"));
  master.log().wait_for(" is ready", mark);
  EXPECT_THAT(Client(master.address()).ask("hello"), HasSubstr(": hello"));
  put("does_as_told", program);
  EXPECT_THAT(master.hup("reload done"), HasSubstr("is live"));
  EXPECT_TRUE(all_run(master, program));
}

TEST(Reload, that_was_not_asked_for_is_told_where_a_script_has_changed) {
  const TempDir folder;
  const std::string script = folder.file("start");
  const auto write = [&](const std::string& comment) {
    std::ofstream(script) << "#!/bin/sh\n# " << comment << "\nexec " << binaries::worker("does_as_told") << "\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  };
  write("old");
  ConfiguredMaster master(pool_of(script, 1));
  write("another one");
  const std::vector<pid_t> before = master.workers();
  ::kill(before.front(), SIGKILL);
  const std::string changed = script + " has changed since generation 1 was started";
  EXPECT_THAT(master.log().wait_for(changed), HasSubstr("reload the pool so that all use the same"));
  EXPECT_TRUE(master.all_new(before, 1));
  const std::size_t mark = master.log().size();
  master.process().signal(SIGUSR1);
  EXPECT_THAT(master.log().wait_for("pool \"test\": ", mark), HasSubstr(changed));
}

TEST(Reload, looks_a_plain_name_up_in_path_again) {
  const TempDir folder;
  std::filesystem::create_directory(folder.file("first"));
  put("does_as_told", folder.file("second/server"));
  StartOptions options;
  options.environment = {{"PATH", folder.file("first") + ":" + folder.file("second")}};
  ConfiguredMaster master(pool_of("server"), options);
  const std::vector<pid_t> before = master.workers();
  put("does_as_told", folder.file("first/server"));
  master.hup("reload done");
  EXPECT_TRUE(master.all_new(before, 2));
  EXPECT_TRUE(all_run(master, folder.file("first/server")));
}

TEST(Reload, reads_environment_files_anew) {
  const TempDir folder;
  const std::string file = folder.write("variables", "FROM_FILE=first\n");
  json config = pool_of(binaries::worker("contract_reporter"), 1);
  config["program"].push_back(folder.path());
  config["environment_files"] = {file};
  ConfiguredMaster master(config);
  const std::vector<pid_t> before = master.workers();
  static_cast<void>(folder.write("variables", "FROM_FILE=second\n"));
  master.hup("reload done");
  ASSERT_TRUE(master.all_new(before, 1));
  const std::string report = read_file(folder.file("0." + std::to_string(master.workers().back())));
  EXPECT_THAT(json::parse(report)["environment"], testing::Contains("FROM_FILE=second"));
}

TEST(Reload, for_more_workers_replaces_all_of_them_if_an_environment_file_has_changed_too) {
  const TempDir folder;
  json config = does_as_told(1);
  config["environment_files"] = {folder.write("variables", "FROM_FILE=first\n")};
  ConfiguredMaster master(config);
  const std::vector<pid_t> before = master.workers();
  static_cast<void>(folder.write("variables", "FROM_FILE=the second one\n"));
  config["workers"] = 2;
  EXPECT_THAT(master.reload(config), HasSubstr("generation 2 is live"));
  EXPECT_TRUE(master.all_new(before, 2));
}

TEST(Reload, under_load_with_a_soak_loses_no_request) {
  json config = pool_of(binaries::worker("prefork_does_as_told"), 3);
  config["settings"] = {{"drain_idle", "keep"}};
  config["reload"] = {{"soak", "50ms"}};
  ConfiguredMaster master(config);
  const std::vector<pid_t> before = master.workers();
  Load load(master.address());
  load.wait_for_more(100);
  master.hup("reload done");
  load.wait_for_more(100);
  EXPECT_THAT(load.stop(), IsEmpty());
  EXPECT_TRUE(master.all_new(before, 3));
}

TEST(Reload, under_load_that_fails_in_a_later_batch_loses_no_request) {
  json config = pool_of(binaries::worker("prefork_does_as_told"), 3);
  config["settings"] = {{"drain_idle", "keep"}};
  ConfiguredMaster master(config);
  Load load(master.address());
  load.wait_for_more(50);
  config["program"] = {"/bin/sh", "-c", "test $PREFORK_WORKER != 2 || exit 7; exec \"$0\"", config["program"][0]};
  master.reload(config, "slot 2: the new worker failed");
  load.wait_for_more(200);
  EXPECT_THAT(load.stop(), IsEmpty());
}

TEST(Reload, of_a_changed_number_of_workers_replaces_nobody) {
  ConfiguredMaster master(does_as_told(2));
  const std::vector<pid_t> before = master.workers();
  EXPECT_THAT(master.reload(does_as_told(3)), HasSubstr("generation 1 is live"));
  EXPECT_TRUE(eventually([&] { return master.workers().size() == 3; }));
  EXPECT_THAT(master.workers(), testing::IsSupersetOf(before));
  master.reload(does_as_told(2));
  EXPECT_TRUE(master.has_only(before));
}

TEST(Reload, of_what_only_the_master_acts_by_replaces_nobody_and_counts_at_once) {
  json config = does_as_told(1);
  ConfiguredMaster master(config);
  const std::vector<pid_t> before = master.workers();
  config["restart"] = {{"never", {78}}};
  master.reload(config);
  EXPECT_EQ(master.workers(), before);
  Client(master.address()).send("exit 78\n");
  EXPECT_THAT(master.log().wait_for(" died"), HasSubstr("restart.never lists this status"));
}

class BadReload : public testing::Test {
 protected:
  // Reloads with this config, and checks that the reload fails and that the old workers still serve.
  std::string fails(const json& config, std::string_view part) {
    const std::string line = master_.reload(config, part);
    EXPECT_TRUE(master_.has_only(before_));
    EXPECT_THAT(Client(master_.address()).ask("hello"), HasSubstr(": hello"));
    for (const std::string& worker : master_.table()) EXPECT_THAT(worker, HasSubstr("generation 1"));
    return line;
  }

  ConfiguredMaster master_{does_as_told(2)};
  std::vector<pid_t> before_ = master_.workers();
};

TEST_F(BadReload, broken_json_is_shown_with_its_place) {
  master_.write_text("{\n  \"workers\": 2,,\n}");
  EXPECT_THAT(master_.hup("test.json: line 2"), HasSubstr("column"));
  master_.log().wait_for("reload failed: pool \"test\" is unchanged");
  EXPECT_EQ(master_.workers(), before_);
}

TEST_F(BadReload, every_mistake_of_a_config_is_shown) {
  fails({{"program", {"/no/such/program"}}, {"wrokers", 2}, {"reload", {{"soak", "5"}}}}, "is unchanged");
  const std::string file = master_.folder().file("test.json") + ": ";
  EXPECT_THAT(master_.log().text(), AllOf(HasSubstr(file + "program[0]: "), HasSubstr("/no/such/program"),
                                          HasSubstr("did you mean \"workers\"?"), HasSubstr(file + "reload.soak: ")));
}

TEST_F(BadReload, a_new_worker_that_crashes_is_named_with_slot_cause_and_status) {
  json config = pool_of(binaries::worker("exits_at_once"));
  config["program"].push_back("3");
  EXPECT_THAT(fails(config, "reload failed"),
              AllOf(HasSubstr("slot 0: the new worker failed: exit status 3; the previous workers keep serving"),
                    HasSubstr("see the output of preforkd")));
}

TEST_F(BadReload, a_new_worker_that_is_not_ready_in_time_is_named) {
  json config = pool_of(binaries::worker("hangs_on_start"));
  config["start_timeout"] = "50ms";
  EXPECT_THAT(fails(config, "reload failed"), HasSubstr("slot 0: the new worker failed: start-timeout"));
}

TEST_F(BadReload, a_new_worker_that_ends_during_its_soak_is_named) {
  json config = pool_of(binaries::worker("exits_at_once"));
  config["program"].insert(config["program"].end(), {"5", "ready"});
  config["reload"] = {{"soak", "1h"}};
  EXPECT_THAT(fails(config, "reload failed"), HasSubstr("slot 0: the new worker failed: exit status 5"));
}

TEST_F(BadReload, a_new_worker_that_hangs_during_its_soak_is_named) {
  json config = does_as_told();  // which never sends WATCHDOG=1
  config["hang_timeout"] = "100ms";
  config["reload"] = {{"soak", "1h"}};
  EXPECT_THAT(fails(config, "reload failed"), HasSubstr("slot 0: the new worker failed: hang"));
}

TEST_F(BadReload, a_new_worker_that_is_killed_by_a_signal_is_named) {
  json config = does_as_told();
  config["program"] = {"/bin/sh", "-c", "kill -SEGV $$"};
  EXPECT_THAT(fails(config, "reload failed"), HasSubstr("slot 0: the new worker failed: signal 11 (SIGSEGV)"));
}

TEST_F(BadReload, a_failure_in_a_later_batch_brings_back_the_old_generation_where_it_was_replaced) {
  json config = does_as_told();
  config["program"] = {"/bin/sh", "-c", "test $PREFORK_WORKER = 0 || exit 7; exec \"$0\"", config["program"][0]};
  EXPECT_THAT(master_.reload(config, "reload failed"), HasSubstr("slot 1: the new worker failed: exit status 7"));
  const auto all_old = [&] {
    const std::vector<std::string> table = master_.table();
    return table.size() == 2 && std::all_of(table.begin(), table.end(), [](const std::string& line) {
             return line.find("ready, generation 1") != std::string::npos;
           });
  };
  EXPECT_TRUE(eventually(all_old));
  EXPECT_THAT(master_.workers(), testing::Contains(testing::AnyOfArray(before_))) << "slot 1 was not replaced";
}

TEST_F(BadReload, a_program_that_the_kernel_will_not_run_is_named) {
  const TempDir folder;
  const std::string garbage = folder.write("garbage", "neither a binary nor a script");
  std::filesystem::permissions(garbage, std::filesystem::perms::owner_all);
  EXPECT_THAT(
      fails(pool_of(garbage), "reload failed"),
      AllOf(HasSubstr("slot 0: the new worker failed: execve: Exec format error (ENOEXEC)"), Not(HasSubstr("wrote"))));
}

// Enough descriptors to read the config, but not to create the pipes and sockets of a worker.
rlim_t room_for_one(pid_t master) {
  rlim_t limit = 0;
  const std::map<int, std::string> open = descriptors_of(master);
  for (int free = 0; free < 2; ++limit) free += open.contains(static_cast<int>(limit)) ? 0 : 1;
  return limit - 1;
}

TEST_F(BadReload, a_process_that_cannot_be_made_is_told_with_the_reason) {
  const pid_t master = master_.process().pid();
  rlimit before{};
  ASSERT_EQ(::prlimit(master, RLIMIT_NOFILE, nullptr, &before), 0);
  const rlimit narrow{room_for_one(master), before.rlim_max};
  ASSERT_EQ(::prlimit(master, RLIMIT_NOFILE, &narrow, nullptr), 0);
  EXPECT_THAT(fails(does_as_told(), "reload failed"),
              AllOf(HasSubstr("slot 0: cannot start the new worker: cannot make a "), HasSubstr("(EMFILE)"),
                    Not(HasSubstr("wrote"))));
  ASSERT_EQ(::prlimit(master, RLIMIT_NOFILE, &before, nullptr), 0);
  EXPECT_THAT(master_.hup("reload done"), HasSubstr("generation 3 is live"));
}

TEST_F(BadReload, a_later_good_one_goes_through) {
  json config = pool_of(binaries::worker("exits_at_once"));
  fails(config, "reload failed");
  EXPECT_THAT(master_.reload(does_as_told(2)), HasSubstr("generation 3 is live"));
  EXPECT_TRUE(master_.all_new(before_, 2));
}

TEST(ReloadDuringAReload, supersedes_it) {
  json stuck = pool_of(binaries::worker("hangs_on_start"));
  stuck["start_timeout"] = "1h";
  ConfiguredMaster master(does_as_told());
  const std::vector<pid_t> before = master.workers();
  master.reload(stuck, "generation 2) started");
  const std::size_t mark = master.log().size();
  EXPECT_THAT(master.reload(does_as_told()), HasSubstr("generation 3 is live"));
  EXPECT_THAT(master.log().wait_for("reload ended", mark), HasSubstr("superseded by a newer reload"));
  EXPECT_TRUE(master.all_new(before, 2));
  for (const std::string& worker : master.table()) EXPECT_THAT(worker, HasSubstr("generation 3"));
}

TEST(ReloadDuringAReload, again_and_again_under_load_loses_no_request_and_ends_in_one_generation) {
  json config = pool_of(binaries::worker("prefork_does_as_told"), 3);
  config["settings"] = {{"drain_idle", "keep"}};
  config["reload"] = {{"soak", "20ms"}};
  ConfiguredMaster master(config);
  Load load(master.address());
  load.wait_for_more(50);
  for (int reload = 0; reload < 10; ++reload) {
    config["environment"] = {{"RELOAD", std::to_string(reload)}};
    const std::size_t mark = master.log().size();
    master.reload(config, "reloading pool");
    // Some complete, most are superseded.
    if (reload % 4 == 3) master.log().wait_for("reload done", mark);
    load.wait_for_more(20);
  }
  const std::string done = master.hup("reload done");
  EXPECT_THAT(load.stop(), IsEmpty());
  const std::string generation =
      done.substr(done.find("generation "), done.find(" is live") - done.find("generation "));
  EXPECT_TRUE(eventually([&] {
    const std::vector<std::string> workers = master.table();
    return workers.size() == 3 && std::all_of(workers.begin(), workers.end(), [&](const std::string& worker) {
             return worker.find(generation + ",") != std::string::npos;
           });
  })) << testing::PrintToString(master.table());
  EXPECT_THAT(master.log().text(), HasSubstr("superseded by a newer reload"));
}

TEST(ReloadDuringAReload, with_a_bad_config_does_not_disturb_it) {
  const TempDir folder;
  for (const char* slot : {"0", "1"}) ASSERT_EQ(::mkfifo(folder.file(std::string("fifo") + slot).c_str(), 0600), 0);
  json slow = pool_of(binaries::worker("slow_to_start"));
  slow["program"].push_back(folder.file("fifo"));
  ConfiguredMaster master(does_as_told());
  const std::vector<pid_t> before = master.workers();
  master.reload(slow, "generation 2) started");
  master.write_text("{");
  master.hup("is unchanged");
  for (const char* slot : {"0", "1"}) std::ofstream(folder.file(std::string("fifo") + slot)).close();
  EXPECT_THAT(master.log().wait_for("reload done"), HasSubstr("generation 2 is live"));
  EXPECT_TRUE(master.all_new(before, 2));
}

TEST(ReloadDuringAReload, ends_with_a_stop) {
  json stuck = pool_of(binaries::worker("hangs_on_start"));
  stuck["start_timeout"] = "1h";
  ConfiguredMaster master(does_as_told());
  master.reload(stuck, "generation 2) started");
  master.process().signal(SIGTERM);
  EXPECT_THAT(master.log().wait_for("reload ended"), HasSubstr("the pool is stopping"));
  EXPECT_EQ(master.process().wait_exit().status, 0);
}

TEST(Reload, of_a_pool_that_stops_is_refused) {
  ConfiguredMaster master(pool_of(binaries::worker("ignores_sigterm"), 1));
  master.process().signal(SIGTERM);
  master.log().wait_for("draining all workers");
  EXPECT_THAT(master.hup("reload ended"), HasSubstr("the pool is stopping"));
  EXPECT_EQ(stop_now(master.process()).status, 0);
}

TEST(Reload, that_fails_is_over_for_systemd_too) {
  NotifyReceiver systemd;
  StartOptions options;
  options.environment = {{"NOTIFY_SOCKET", systemd.path()}};
  ConfiguredMaster master(does_as_told(), options);
  systemd.wait_for("READY", "1");
  for (const json& bad : {json::object(), pool_of(binaries::worker("exits_at_once"))}) {
    master.reload(bad, "reload failed");
    systemd.wait_for("RELOADING", "1");
    EXPECT_THAT(systemd.wait_for("READY", "1").fields.at("STATUS"), HasSubstr("2/2 workers ready, generation 1"));
  }
}

}  // namespace
}  // namespace preforkd::component
