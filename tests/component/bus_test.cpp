// SPDX-License-Identifier: MIT
// The pool on a message bus: its properties, methods and signals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "support/client.hpp"
#include "support/load.hpp"
#include "support/proc.hpp"
#include "support/shown_pool.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

// One interface in the introspection data, one line per element: "method Scale", "arg workers u in", …
std::vector<std::string> elements_of(const std::string& xml, const std::string& interface) {
  static const std::regex tag(R"(<(interface|method|signal|property|arg|annotation)\b([^>]*)>)");
  static const std::regex attribute(R"re((\w+)="([^"]*)")re");
  std::vector<std::string> lines;
  bool inside = false;
  std::string member;
  const std::string text = std::regex_replace(xml, std::regex("<!--[^]*?-->"), "");
  for (std::sregex_iterator at(text.begin(), text.end(), tag), end; at != end; ++at) {
    std::map<std::string, std::string> has;
    const std::string rest = (*at)[2];
    for (std::sregex_iterator each(rest.begin(), rest.end(), attribute); each != end; ++each)
      has[(*each)[1]] = (*each)[2];
    const std::string kind = (*at)[1];
    if (kind == "interface") {
      inside = has["name"] == interface;
    } else if (kind == "annotation") {
      if (inside && has["name"].ends_with("EmitsChangedSignal")) lines.push_back(member + " emits " + has["value"]);
    } else if (inside) {
      if (kind != "arg") member = kind + " " + has["name"];
      const std::string direction = kind == "arg" && member.starts_with("method") ? " " + has["direction"] : "";
      lines.push_back((kind == "arg" ? member + " arg " + has["name"] : member) + " " + has["type"] + direction);
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST(Bus, introspection_is_what_the_xml_files_say) {
  ShownPool pool;
  for (const auto& [path, name] :
       {std::pair{pool_object, "org.preforkd1.Pool"}, std::pair{worker_object(0), "org.preforkd1.Worker"}}) {
    const BusClient::Reply reply = pool.client.call(test_pool, path, "Introspect");
    const char* running = nullptr;
    ASSERT_GT(sd_bus_message_read(reply.message.get(), "s", &running), 0);
    const std::vector<std::string> lines = elements_of(running, name);
    EXPECT_FALSE(lines.empty());
    EXPECT_EQ(lines, elements_of(read_file(binaries::interface_folder + "/" + name + ".xml"), name));
  }
}

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(Bus, shows_the_pool_and_its_workers) {
  ShownPool pool;
  const std::vector<pid_t> workers = pool.master.workers();
  EXPECT_EQ(pool.get("Name"), "test");
  EXPECT_EQ(pool.get("State"), "running");
  EXPECT_EQ(pool.get("StatusText"), "2/2 workers ready, generation 1, 0 connections");
  EXPECT_EQ(pool.get("TargetWorkers") + pool.get("MinWorkers") + pool.get("MaxWorkers"), "2216");
  EXPECT_EQ(pool.get("MainPID"), std::to_string(pool.master.process().pid()));
  EXPECT_EQ(pool.get("Program"), binaries::worker("prefork_does_as_told"));
  EXPECT_EQ(pool.get("LastReload"), "0 false ");
  const std::string address = pool.master.address();
  EXPECT_THAT(pool.get("Listeners"), StartsWith("test " + address + " 0 "));
  EXPECT_EQ(pool.get_worker(1, "State"), "ready");
  EXPECT_EQ(pool.get_worker(1, "Slot"), "1");
  EXPECT_THAT(workers, testing::Contains(std::stoi(pool.get_worker(1, "PID"))));
  // They may be a tenth of a second old, of a worker that had just been cloned.
  EXPECT_TRUE(eventually([&] { return std::stoull(pool.get_worker(1, "MemoryBytes")) > 10'000U; }));
  EXPECT_TRUE(eventually([&] { return std::stoull(pool.get_worker(1, "CPUUSec")) > 0U; }));
  EXPECT_EQ(pool.get_worker(1, "OOMKills"), "18446744073709551615") << "by hand it has no group, so it is unknown";
  EXPECT_GE(std::stoull(pool.get_worker(1, "StartedAt")), std::stoull(pool.get("StartedAt")));
}

TEST(Bus, the_status_says_why_no_process_can_be_made_for_a_slot) {
  const TempDir folder;
  const std::string file = folder.write("variables", "A=b\n");
  nlohmann::json config = pool_config(1);
  config["environment_files"] = {file};
  ShownPool pool(config);
  const auto tells = [&] {
    return pool.get("StatusText").find("; worker 0 cannot be started: " + file + ": No such file") != std::string::npos;
  };
  std::filesystem::remove(file);
  EXPECT_TRUE(pool.call_worker(0, "Kill", "i", SIGKILL).ok());
  EXPECT_TRUE(eventually(tells));
  static_cast<void>(folder.write("variables", "A=b\n"));
  EXPECT_TRUE(eventually([&] { return !tells(); }));
}

TEST(Bus, counts_what_workers_did_and_keeps_it_when_they_die) {
  ShownPool pool(pool_config(1));
  Client client(pool.master.address());
  EXPECT_THAT(client.ask("hello"), HasSubstr(": hello"));
  EXPECT_TRUE(eventually([&] { return pool.get("RequestsTotal") == "1"; }));
  EXPECT_EQ(pool.get("Connections"), "1");
  EXPECT_EQ(pool.get_worker(0, "BytesIn"), "6");
  pool.client.listen();
  EXPECT_TRUE(pool.call_worker(0, "Kill", "i", SIGKILL).ok());
  pool.client.wait_signal("WorkerReady 0");
  EXPECT_EQ(pool.get("RequestsTotal"), "1");
  EXPECT_EQ(pool.get("ConnectionsTotal"), "1");
  EXPECT_EQ(pool.get("Connections"), "0") << "closed with its worker";
  EXPECT_EQ(pool.get_worker(0, "RequestsTotal"), "0") << "of a new process";
  EXPECT_EQ(pool.get("Crashes"), "0") << "a signal by an operator is not a crash";
  EXPECT_EQ(pool.get("Restarts"), "1");
}

TEST(Bus, counts_how_long_workers_were_busy_and_keeps_it_when_they_die) {
  ShownPool pool(pool_config(1));
  Client client(pool.master.address());
  const auto busy = [&] { return std::stoull(pool.get("BusyUSec")); };
  const std::uint64_t at_first = busy();
  while (busy() < at_first + 100'000) EXPECT_THAT(client.ask("hello"), HasSubstr(": hello"));
  const std::uint64_t before = busy();
  pool.client.listen();
  EXPECT_TRUE(pool.call_worker(0, "Kill", "i", SIGKILL).ok());
  pool.client.wait_signal("WorkerReady 0");
  EXPECT_GE(busy(), before) << "and what the new one needed for its start, which is less";
}

TEST(Bus, counts_connections_that_the_limits_per_peer_refuse_and_keeps_it_when_workers_die) {
  nlohmann::json config = pool_config(1);
  config["settings"]["max_connections_per_peer"] = 1;
  ShownPool pool(config);
  Client client(pool.master.address());
  EXPECT_THAT(client.ask("hello"), HasSubstr(": hello"));
  EXPECT_TRUE(Client(pool.master.address()).wait_closed());
  EXPECT_TRUE(eventually([&] { return pool.get("ConnectionsRefused") == "1"; }));
  EXPECT_EQ(pool.get_worker(0, "ConnectionsRefused"), "1");
  EXPECT_EQ(pool.get("ConnectionsTotal"), "1");
  EXPECT_EQ(pool.get("AcceptFailures"), "0");
  pool.client.listen();
  EXPECT_TRUE(pool.call_worker(0, "Kill", "i", SIGKILL).ok());
  pool.client.wait_signal("WorkerReady 0");
  EXPECT_EQ(pool.get("ConnectionsRefused"), "1");
  EXPECT_EQ(pool.get_worker(0, "ConnectionsRefused"), "0") << "of a new process";
}

TEST(Bus, counts_accept_failures_of_a_worker_without_free_descriptors) {
  ShownPool pool(pool_config(1));
  const rlimit limit{0, 0};
  ASSERT_EQ(::prlimit(std::stoi(pool.get_worker(0, "PID")), RLIMIT_NOFILE, &limit, nullptr), 0);
  const Client client(pool.master.address());
  EXPECT_TRUE(eventually([&] { return pool.get_worker(0, "AcceptFailures") != "0"; }));
  EXPECT_NE(pool.get("AcceptFailures"), "0");
  EXPECT_EQ(pool.get("ConnectionsRefused"), "0");
}

TEST(Bus, counts_by_name_what_the_application_and_libprefork_name_and_keeps_it_when_workers_die) {
  ShownPool pool(pool_config(1));
  EXPECT_EQ(pool.get("ApplicationCounters"), "jobs_done 0") << "before it grows";
  Client client(pool.master.address());
  EXPECT_THAT(client.ask("job"), HasSubstr(": job"));
  EXPECT_THAT(client.ask("quota"), HasSubstr(": quota"));
  EXPECT_TRUE(eventually([&] { return pool.get("Closes").find("quota-exceeded 1") != std::string::npos; }));
  EXPECT_EQ(pool.get("ApplicationCounters"), "jobs_done 2");
  EXPECT_EQ(pool.get_worker(0, "ApplicationCounters"), "jobs_done 2");
  EXPECT_THAT(pool.get_worker(0, "Closes"), HasSubstr("quota-exceeded 1"));
  EXPECT_THAT(pool.get("Closes"), AllOf(HasSubstr("peer-closed 0"), HasSubstr("bad-message 0")));
  pool.client.listen();
  EXPECT_TRUE(pool.call_worker(0, "Kill", "i", SIGKILL).ok());
  pool.client.wait_signal("WorkerReady 0");
  EXPECT_EQ(pool.get("ApplicationCounters"), "jobs_done 2");
  EXPECT_THAT(pool.get("Closes"), HasSubstr("quota-exceeded 1"));
  EXPECT_EQ(pool.get_worker(0, "ApplicationCounters"), "jobs_done 0") << "of a new process";
  Client second(pool.master.address());
  EXPECT_THAT(second.ask("job"), HasSubstr(": job"));
  EXPECT_TRUE(eventually([&] { return pool.get("ApplicationCounters") == "jobs_done 4"; }));
}

TEST(Bus, counts_exits_by_cause) {
  ShownPool pool(pool_config(1));
  const auto exits = [](const std::string& operators, const std::string& signals) {
    return "drain-timeout 0 exit 0 hang 0 oom 0 operator " + operators +
           " recycled 0 reloaded 0 scaled-down 0 signal " + signals + " start-timeout 0";
  };
  EXPECT_EQ(pool.get("Exits"), exits("0", "0")) << "every cause";
  pool.client.listen();
  EXPECT_TRUE(pool.call_worker(0, "Kill", "i", SIGKILL).ok());
  pool.client.wait_signal("WorkerReady 0");
  EXPECT_EQ(pool.get("Exits"), exits("1", "0"));
  ASSERT_EQ(kill(std::stoi(pool.get_worker(0, "PID")), SIGKILL), 0);
  pool.client.wait_signal("WorkerReady 0");
  EXPECT_EQ(pool.get("Exits"), exits("1", "1"));
}

TEST(Bus, shows_how_many_connections_wait_to_be_accepted) {
  ShownPool pool(pool_config(1));
  const pid_t worker = pool.master.workers().at(0);
  ASSERT_EQ(kill(worker, SIGSTOP), 0);
  ASSERT_TRUE(eventually([&] { return status_field(worker, "State").starts_with("T"); }));
  const Client first(pool.master.address());
  const Client second(pool.master.address());
  EXPECT_THAT(pool.get("Listeners"), HasSubstr(" 2 4096"));
  ASSERT_EQ(kill(worker, SIGCONT), 0);
  EXPECT_TRUE(eventually([&] { return pool.get("Listeners").find(" 0 4096") != std::string::npos; }));
}

TEST(Bus, tells_of_a_death_and_its_replacement) {
  ShownPool pool;
  pool.client.listen();
  const std::string pid = pool.get_worker(0, "PID");
  ASSERT_EQ(kill(std::stoi(pid), SIGKILL), 0);
  EXPECT_THAT(pool.client.wait_signal("WorkerExited"),
              AllOf(StartsWith("WorkerExited 0 " + pid + " 1 signal signaled 9 died: signal 9 (SIGKILL)"),
                    HasSubstr(" after ")));
  const std::string started = pool.client.wait_signal("WorkerStarted");
  EXPECT_THAT(started, StartsWith("WorkerStarted 0 "));
  EXPECT_EQ(pool.client.wait_signal("WorkerReady"), "WorkerReady" + started.substr(13));
  EXPECT_EQ(pool.get_worker(0, "LastExitCause"), "signal");
  EXPECT_EQ(pool.get_worker(0, "Crashes"), "1");
  EXPECT_EQ(pool.get("Crashes"), "1");
  EXPECT_THAT(pool.client.signals(), testing::Contains(StartsWith("PropertiesChanged /org/preforkd1/worker/0 PID")));
  const auto changed = AllOf(StartsWith("PropertiesChanged /org/preforkd1 "), HasSubstr("ReadyWorkers"));
  EXPECT_TRUE(eventually([&] { return testing::Matches(testing::Contains(changed))(pool.client.signals()); }));
}

TEST(Bus, reload_answers_when_the_new_generation_is_live) {
  ShownPool pool;
  pool.client.listen();
  const std::vector<pid_t> before = pool.master.workers();
  EXPECT_TRUE(pool.call("Reload").ok());
  EXPECT_EQ(pool.get("Generation"), "2");
  EXPECT_EQ(pool.get_worker(1, "Generation"), "2");
  EXPECT_THAT(pool.get("LastReload"), HasSubstr(" true generation 2 is live"));
  EXPECT_EQ(pool.client.wait_signal("ReloadFinished"), "ReloadFinished true 2 generation 2 is live");
  EXPECT_TRUE(pool.master.all_new(before, 2));
  pool.master.log().wait_for("reload requested by uid " + std::to_string(getuid()));
}

TEST(Bus, a_failed_reload_says_who_failed_and_how) {
  ShownPool pool;
  pool.client.listen();
  nlohmann::json config = pool_config(2);
  config["program"] = {binaries::worker("exits_at_once"), "3"};
  pool.master.write(config);
  const BusClient::Reply reply = pool.call("Reload");
  EXPECT_EQ(reply.error, "org.preforkd1.Error.ReloadFailed");
  EXPECT_THAT(reply.text,
              AllOf(HasSubstr("slot 0: the new worker failed: exit status 3"), HasSubstr("output of the new worker:")));
  EXPECT_EQ(pool.get("Generation"), "1");
  EXPECT_THAT(pool.client.wait_signal("ReloadFinished"), StartsWith("ReloadFinished false 1 slot 0: "));
}

TEST(Bus, a_reload_of_a_bad_config_says_every_mistake) {
  ShownPool pool;
  nlohmann::json config = pool_config(2);
  config["workers"] = 0;
  config["drain_timeout"] = 5;
  pool.master.write(config);
  for (const std::string method : {"Reload", "Plan"}) {
    const BusClient::Reply reply = pool.call(method);
    EXPECT_EQ(reply.error, "org.preforkd1.Error.ConfigInvalid");
    EXPECT_THAT(reply.text, AllOf(HasSubstr("test.json: workers: 0"), HasSubstr("\n"), HasSubstr("drain_timeout: 5")));
  }
}

TEST(Bus, plan_says_what_a_reload_would_change_and_changes_nothing) {
  ShownPool pool;
  nlohmann::json config = pool_config(2);
  config["drain_timeout"] = "5s";
  config["environment"] = {{"SECRET", "hidden"}};
  config["workers"]["min"] = 3;
  pool.master.write(config);
  const BusClient::Reply reply = pool.call("Plan");
  ASSERT_TRUE(reply.ok()) << reply.text;
  std::string all;
  sd_bus_message_enter_container(reply.message.get(), 'a', "(ssss)");
  for (const char *key, *before, *after, *needs;
       sd_bus_message_read(reply.message.get(), "(ssss)", &key, &before, &after, &needs) > 0;)
    all += std::string(key) + "|" + before + "|" + after + "|" + needs + "\n";
  EXPECT_THAT(all, HasSubstr("drain_timeout|30s|5s|generation\n"));
  EXPECT_THAT(all, HasSubstr("environment.SECRET|||generation\n"));
  EXPECT_THAT(all, HasSubstr("|resize\n"));
  EXPECT_EQ(pool.get("Generation"), "1");
  EXPECT_EQ(pool.get("MaxWorkers"), "16");
}

TEST(Bus, a_reload_that_is_superseded_is_told_so) {
  ShownPool pool;
  nlohmann::json config = pool_config(2);
  config["program"] = {binaries::worker("hangs_on_start")};
  pool.master.write(config);
  BusClient first(pool.bus.address());
  sd_bus_message* call = nullptr;
  ASSERT_GE(sd_bus_message_new_method_call(first.native(), &call, test_pool.c_str(), "/org/preforkd1",
                                           "org.preforkd1.Pool", "Reload"),
            0);
  std::string error;
  const auto on_reply = [](sd_bus_message* reply, void* out, sd_bus_error*) {
    *static_cast<std::string*>(out) =
        sd_bus_message_get_error(reply) != nullptr ? sd_bus_message_get_error(reply)->name : "none";
    return 0;
  };
  ASSERT_GE(sd_bus_call_async(first.native(), nullptr, call, on_reply, &error, 0), 0);
  sd_bus_message_unref(call);
  const std::size_t mark = pool.master.log().size();
  sd_bus_flush(first.native());
  pool.master.log().wait_for("worker 0 (pid", mark);
  pool.master.write(pool_config(2));
  EXPECT_TRUE(pool.call("Reload").ok());
  const Deadline deadline;
  while (error.empty() && !deadline.passed()) first.process(deadline);
  EXPECT_EQ(error, "org.preforkd1.Error.Superseded");
}

TEST(Bus, scales_within_the_range_and_shows_each_new_slot) {
  ShownPool pool;
  pool.client.listen();
  EXPECT_TRUE(pool.call("Scale", "u", 4U).ok());
  pool.client.wait_signal("InterfacesAdded /org/preforkd1/worker/2");
  pool.client.wait_signal("InterfacesAdded /org/preforkd1/worker/3");
  EXPECT_EQ(pool.get("TargetWorkers"), "4");
  EXPECT_TRUE(pool.call("Scale", "u", 2U).ok());
  pool.client.wait_signal("InterfacesRemoved /org/preforkd1/worker/");
  pool.client.wait_signal("InterfacesRemoved /org/preforkd1/worker/");
  for (const unsigned bad : {0U, 1U, 17U, 4'000'000'000U}) {
    const BusClient::Reply reply = pool.call("Scale", "u", bad);
    EXPECT_EQ(reply.error, "org.preforkd1.Error.OutOfRange");
    EXPECT_THAT(reply.text, StartsWith(std::to_string(bad) + " workers: the pool has from 2 to 16"));
  }
}

TEST(Bus, recycles_one_worker_or_all_of_them_under_load) {
  nlohmann::json config = pool_config(2);
  config["settings"]["drain_idle"] = "keep";
  ShownPool pool(config);
  const std::vector<pid_t> before = pool.master.workers();
  Load load(pool.master.address());
  const std::string other = pool.get_worker(1, "PID");
  const std::string first = pool.get_worker(0, "PID");
  EXPECT_TRUE(pool.call_worker(0, "Recycle").ok());
  EXPECT_TRUE(eventually([&] { return pool.get_worker(0, "PID") != first && pool.get_worker(0, "State") == "ready"; }));
  EXPECT_EQ(pool.get_worker(1, "PID"), other);
  EXPECT_TRUE(pool.call("RecycleAll").ok());
  EXPECT_TRUE(eventually([&] { return pool.get_worker(1, "PID") != other && pool.get_worker(1, "State") == "ready"; }));
  load.wait_for_more(50);
  EXPECT_THAT(load.stop(), IsEmpty());
  EXPECT_TRUE(pool.master.all_new(before, 2));
  EXPECT_EQ(pool.get_worker(1, "LastExitCause"), "operator");
}

TEST(Bus, remembers_how_workers_ended) {
  ShownPool pool;
  pool.client.listen();
  const std::string pid = pool.get_worker(1, "PID");
  EXPECT_TRUE(pool.call_worker(1, "Kill", "i", SIGQUIT).ok());
  pool.client.wait_signal("WorkerExited 1");
  const BusClient::Reply reply = pool.call("ExitHistory", "u", 0U);
  ASSERT_TRUE(reply.ok());
  sd_bus_message_enter_container(reply.message.get(), 'a', "(tuuussibstt)");
  std::uint64_t at = 0;
  std::uint32_t slot = 0, its_pid = 0, generation = 0;
  const char *cause = nullptr, *kind = nullptr, *text = nullptr;
  std::int32_t status = 0;
  int failed = -1;
  std::uint64_t cpu = 0, memory = 0;
  ASSERT_GT(sd_bus_message_read(reply.message.get(), "(tuuussibstt)", &at, &slot, &its_pid, &generation, &cause, &kind,
                                &status, &failed, &text, &cpu, &memory),
            0);
  EXPECT_GE(at, std::stoull(pool.get("StartedAt")));
  EXPECT_EQ(slot, 1U);
  EXPECT_EQ(std::to_string(its_pid), pid);
  EXPECT_STREQ(cause, "operator");
  EXPECT_EQ(status, SIGQUIT);
  EXPECT_EQ(failed, 0);
  EXPECT_THAT(text, StartsWith("left (operator): signal 3 (SIGQUIT)"));
  EXPECT_GT(cpu, 0U);
  EXPECT_GT(memory, 100'000U);
}

}  // namespace
}  // namespace preforkd::component
