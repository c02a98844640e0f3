// SPDX-License-Identifier: MIT
#include "config/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;

class Config : public ::testing::Test {
 protected:
  // The message of load_config for a file with this text, without the file's name.
  std::vector<std::string> problems(std::string_view text) {
    const std::string file = folder.write("echo.json", text);
    const auto config = load_config({file, "", {}});
    if (config) return {};
    EXPECT_EQ(config.error().exit_code, exit_code::config);
    std::vector<std::string> lines;
    for (const std::string& line : config.error().lines) {
      EXPECT_TRUE(line.starts_with(file + ": ")) << line;
      lines.push_back(line.substr(file.size() + 2));
    }
    return lines;
  }

  // The same for a good config with one key more.
  std::vector<std::string> problems_of(const std::string& key) {
    return problems(R"({"program": ["/bin/true"], )" + key + '}');
  }

  PoolConfig load(std::string_view text) {
    auto config = load_config({folder.write("echo.json", text), "", {}});
    if (config) return *config;
    ADD_FAILURE() << config.error().lines.front();
    return {};
  }

  std::vector<std::string> problems_of_overrides(std::vector<ConfigOverride> overrides, const std::string& file = "") {
    auto config = load_config({file, "", std::move(overrides)});
    if (config) return {};
    return config.error().lines;
  }

  TempFolder folder;
};

TEST_F(Config, where_an_exec_is_all_that_is_known_of_a_worker_it_soaks_unless_the_config_says_otherwise) {
  using std::chrono::seconds;
  EXPECT_EQ(load(R"({"program": ["true"], "ready": "exec"})").reload.soak, seconds(2));
  EXPECT_EQ(load(R"({"program": ["true"], "ready": "exec", "reload": {"max_surge": 2}})").reload.soak, seconds(2));
  EXPECT_EQ(load(R"({"program": ["true"], "ready": "exec", "reload": {"soak": "0s"}})").reload.soak, seconds(0));
  EXPECT_EQ(load(R"({"program": ["true"], "ready": "notify"})").reload.soak, seconds(0));
}

TEST_F(Config, defaults_are_those_of_the_contract) {
  const PoolConfig config = load(R"({"program": ["true"]})");
  EXPECT_EQ(config.name, "echo");
  EXPECT_EQ(config.file, folder.path("echo.json"));
  EXPECT_THAT(config.program.front(), EndsWith("/true"));
  EXPECT_EQ(config.program.front().front(), '/');
  EXPECT_EQ(config.workers.initial, 1U);
  EXPECT_EQ(config.start_timeout, std::chrono::seconds(10));
  EXPECT_EQ(config.hang_timeout, std::nullopt);
  EXPECT_EQ(config.alert_after, std::chrono::seconds(30));
  EXPECT_EQ(config.rebalance, RebalanceMode::on_resize);
  EXPECT_EQ(config.stop, StopMode::control_group);
  EXPECT_EQ(config.stop_signal, 15);
  EXPECT_EQ(config.settings, "{}");
  EXPECT_EQ(config.directory, "/");
}

TEST_F(Config, reads_every_key) {
  const std::string file = folder.write("env", "A=1");
  const PoolConfig config = load(R"({
    "$schema": "x", "description": "Line echo",
    "listen": ["127.0.0.1:9505", {"address": "/run/x.sock", "name": "unix", "backlog": 5, "mode": "0660", "user": "root", "group": "0"}],
    "program": ["/bin/true", "-x", ""], "workers": {"min": 2, "max": 16, "initial": 4}, "ready": "exec",
    "start_timeout": "1s", "drain_timeout": "1h 30min", "hang_timeout": "500ms", "alert_after": "off", "rebalance": "off",
    "stop": "process", "stop_signal": "INT",
    "restart": {"delay": "1s", "max_delay": "2s", "forget_after": "0s", "never": [78, 1, 255]},
    "recycle": {"requests": 7, "age": "1d", "memory": "1G", "jitter": "12.5%", "at_most": 2},
    "reload": {"max_surge": "25%", "max_unavailable": 1, "soak": "5s", "max_draining": 5},
    "environment": {"A": "b"}, "environment_files": [")" +
                                 file + R"(", "-/none"], "directory": "/tmp",
    "umask": "0027", "nice": -5, "cpu_affinity": "0",
    "memory_max": "512M", "memory_high": "400M", "cpu_weight": 200, "cpu_max": "150%", "pids_max": 50,
    "limits": {"nofile": 4096, "core": 0, "as": "infinity", "stack": {"soft": "8M", "hard": "infinity"},
               "memlock": "64K", "nproc": 100, "data": "2G", "fsize": "1T", "cpu": "1min"},
    "settings": {"b": [1, 2.5], "a": "\u0000ü"}})");
  ASSERT_EQ(config.listen.size(), 2U);
  EXPECT_EQ(config.listen[0].name, "echo");
  EXPECT_EQ(config.listen[0].options.backlog, 4096);
  EXPECT_EQ(format_address(config.listen[0].address), "127.0.0.1:9505");
  EXPECT_EQ(config.listen[1].name, "unix");
  EXPECT_EQ(config.listen[1].text, "/run/x.sock");
  EXPECT_EQ(config.listen[1].options.backlog, 5);
  EXPECT_EQ(config.listen[1].options.unix_mode, 0660U);
  EXPECT_EQ(config.listen[1].options.unix_user, 0U);
  EXPECT_EQ(config.listen[1].options.unix_group, 0U);
  EXPECT_THAT(config.program, ElementsAre("/bin/true", "-x", ""));
  EXPECT_EQ(config.workers.min, 2U);
  EXPECT_EQ(config.workers.initial, 4U);
  EXPECT_EQ(config.workers.max, 16U);
  EXPECT_EQ(config.ready, ReadyMode::exec);
  EXPECT_EQ(config.drain_timeout, std::chrono::minutes(90));
  EXPECT_EQ(config.hang_timeout, std::chrono::milliseconds(500));
  EXPECT_EQ(config.alert_after, std::nullopt);
  EXPECT_EQ(config.rebalance, RebalanceMode::off);
  EXPECT_EQ(config.stop, StopMode::process);
  EXPECT_EQ(config.stop_signal, 2);
  EXPECT_EQ(config.restart.forget_after, Duration(0));
  EXPECT_THAT(config.restart.never, ElementsAre(78, 1, 255));
  EXPECT_EQ(config.recycle.requests, 7U);
  EXPECT_EQ(config.recycle.age, std::chrono::hours(24));
  EXPECT_EQ(config.recycle.memory, 1ULL << 30);
  EXPECT_DOUBLE_EQ(config.recycle.jitter, 0.125);
  EXPECT_EQ(config.recycle.at_most, 2U);
  EXPECT_DOUBLE_EQ(std::get<double>(config.reload.max_surge), 0.25);
  EXPECT_EQ(config.reload.max_unavailable, 1U);
  EXPECT_EQ(config.reload.soak, std::chrono::seconds(5));
  EXPECT_EQ(config.reload.max_draining, 5U);
  EXPECT_THAT(config.environment, ElementsAre(std::pair<std::string, std::string>("A", "b")));
  EXPECT_THAT(config.environment_files, ElementsAre(file, "-/none"));
  EXPECT_EQ(config.directory, "/tmp");
  EXPECT_EQ(config.process.umask, 0027U);
  EXPECT_EQ(config.process.nice, -5);
  EXPECT_THAT(config.process.cpu_affinity.cpus, ElementsAre(0U));
  EXPECT_FALSE(config.process.cpu_affinity.spread);
  EXPECT_EQ(config.process.limits.size(), 9U);
  std::string group_limits;
  for (const GroupLimit& limit : config.group_limits)
    group_limits += std::string(limit.name.file) + '=' + limit.value + ';';
  EXPECT_EQ(group_limits,
            "memory.max=536870912;memory.high=419430400;cpu.weight=200;cpu.max=150000 100000;pids.max=50;");
  EXPECT_EQ(config.settings, R"({"a":"\u0000ü","b":[1,2.5]})");
}

TEST_F(Config, scale_is_read) {
  const PoolConfig config = load(R"({"program": ["/bin/true"], "workers": {"min": 0, "max": 4, "scale": {
    "queue": 5, "busy": "off", "up": "1s", "down": "1min", "step": 2, "idle_for": "10s", "idle_exit": "1h"}}})");
  EXPECT_EQ(config.workers.min, 0U);
  EXPECT_EQ(config.workers.initial, 0U);
  ASSERT_TRUE(config.scale);
  EXPECT_EQ(config.scale->queue, 5U);
  EXPECT_EQ(config.scale->busy, std::nullopt);
  EXPECT_EQ(config.scale->up, std::chrono::seconds(1));
  EXPECT_EQ(config.scale->down, std::chrono::minutes(1));
  EXPECT_EQ(std::get<unsigned>(config.scale->step), 2U);
  EXPECT_EQ(config.scale->idle_for, std::chrono::seconds(10));
  EXPECT_EQ(config.scale->idle_exit, std::chrono::hours(1));
  EXPECT_FALSE(load(R"({"program": ["/bin/true"], "workers": {"min": 1, "max": 4}})").scale);
  EXPECT_EQ(config.doubts, std::vector<std::string>());
}

TEST_F(Config, keys_of_scale_without_effect_are_doubts) {
  const auto doubts = [&](const std::string& workers) {
    return load(R"({"program": ["/bin/true"], "workers": )" + workers + '}').doubts;
  };
  EXPECT_THAT(doubts(R"({"min": 2, "max": 2, "scale": {}})"),
              ElementsAre("workers.scale has no effect: workers.min and workers.max are the same"));
  EXPECT_THAT(doubts(R"({"min": 1, "max": 2, "scale": {"idle_for": "5s", "idle_exit": "off"}})"),
              ElementsAre("workers.scale.idle_for has no effect: workers.min is not 0",
                          "workers.scale.idle_exit has no effect: workers.min is not 0"));
}

TEST_F(Config, limits_of_a_group_can_be_off) {
  const PoolConfig config = load(R"({"program": ["/bin/true"], "memory_max": "off", "memory_high": "off",
    "cpu_max": "off", "pids_max": "off"})");
  EXPECT_TRUE(config.group_limits.empty());
}

TEST_F(Config, auto_workers_are_at_least_one_and_fixed) {
  const WorkerCount workers = load(R"({"program": ["/bin/true"], "workers": "auto"})").workers;
  EXPECT_GE(workers.initial, 1U);
  EXPECT_EQ(workers.min, workers.initial);
  EXPECT_EQ(workers.max, workers.initial);
}

TEST_F(Config, each_wrong_value_is_named_with_its_reason) {
  constexpr const char* workers = "must be a whole number from 1 to 10000, \"auto\", or {\"min\": …, \"max\": …}";
  constexpr const char* span = "must be a time span such as \"30s\"";
  const struct {
    std::string json;
    std::string problem;
  } cases[] = {
      {R"("wrokers": 3)", R"(wrokers: 3: unknown key; did you mean "workers"?)"},
      {R"("zzz": {"a": "b"})", R"(zzz: {"a":"b"}: unknown key)"},
      {R"("description": 5)", "description: 5: must be a string in quotes"},
      {R"("description": "a\nb")", R"(description: "a\nb": must be one line without control characters)"},
      {R"("workers": 0)", "workers: 0: must be at least 1"},
      {R"("workers": -1)", "workers: -1: must be at least 1"},
      {R"("workers": 10001)", "workers: 10001: must be at most 10000"},
      {R"("workers": 2.5)", std::string("workers: 2.5: ") + workers},
      {R"("workers": "3")", std::string("workers: \"3\": ") + workers},
      {R"("workers": null)", std::string("workers: null: ") + workers},
      {R"("workers": {"min": 2})", "workers.max: is missing; {\"min\": …, \"max\": …} needs both"},
      {R"("workers": {"min": 4, "max": 2})", "workers.max: 2: must be at least workers.min (4)"},
      {R"("workers": {"min": 2, "max": 4, "initial": 5})",
       "workers.initial: 5: must be from workers.min (2) to workers.max (4)"},
      {R"("workers": {"min": 0, "max": 4})",
       "workers.min: 0: must be at least 1 without workers.scale: nothing would start a worker"},
      {R"("workers": {"min": 0, "max": 0, "scale": {}})", "workers.max: 0: must be at least 1"},
      {R"("workers": {"min": 0, "max": 4, "scale": true})", "workers.scale: true: must be an object: {…}"},
      {R"("workers": {"min": 1, "max": 4, "scale": {"bussy": "5%"}})",
       R"(workers.scale.bussy: "5%": unknown key; did you mean "busy"?)"},
      {R"("workers": {"min": 1, "max": 4, "scale": {"busy": "0%"}})",
       "workers.scale.busy: \"0%\": must be at least 1%"},
      {R"("workers": {"min": 1, "max": 4, "scale": {"up": "1ms"}})",
       "workers.scale.up: \"1ms\": must be at least 20ms"},
      {R"("workers": {"min": 1, "max": 4, "scale": {"queue": 0}})", "workers.scale.queue: 0: must be at least 1"},
      {R"("workers": {"min": 1, "max": 4, "scale": {"step": "all"}})",
       "workers.scale.step: \"all\": must be a number of workers, or a percentage of them such as \"25%\""},
      {R"("workers": {"min": 2, "max": 4, "inital": 3})", R"(workers.inital: 3: unknown key; did you mean "initial"?)"},
      {R"("ready": "yes")", R"(ready: "yes": must be "notify" or "exec")"},
      {R"("start_timeout": 30)", "start_timeout: 30: 30 has no unit; write 30s, 30ms, …"},
      {R"("start_timeout": "30")", "start_timeout: \"30\": 30 has no unit; write 30s, 30ms, …"},
      {R"("start_timeout": "off")", std::string("start_timeout: \"off\": can't be off; ") + span},
      {R"("start_timeout": true)", std::string("start_timeout: true: ") + span},
      {R"("start_timeout": "1ms")", "start_timeout: \"1ms\": must be at least 10ms"},
      {R"("start_timeout": "2d")", "start_timeout: \"2d\": must be at most 1d"},
      {R"("drain_timeout": "0s")", "drain_timeout: \"0s\": must be at least 1ms"},
      {R"("hang_timeout": [])", std::string("hang_timeout: []: ") + span + ", or \"off\""},
      {R"("hang_timeout": "1s 1")", "hang_timeout: \"1s 1\": 1 has no unit; write 1s, 1ms, …"},
      {R"("memory_max": 100)", "memory_max: 100: 100 has no unit; write 100B, 100K, …"},
      {R"("memory_max": "1K")", "memory_max: \"1K\": must be at least 1M"},
      {R"("memory_max": "2M", "memory_high": "3M")", "memory_high: \"3M\": must be at most memory_max (2M)"},
      {R"("cpu_weight": 0)", "cpu_weight: 0: must be at least 1"},
      {R"("cpu_max": "0%")", "cpu_max: \"0%\": must be at least 1%"},
      {R"("pids_max": 0)", "pids_max: 0: must be at least 1"},
      {R"("stop": "none")", R"(stop: "none": must be "control-group" or "mixed" or "process")"},
      {R"("stop_signal": "SIGTREM")", R"(stop_signal: "SIGTREM": is not a signal; did you mean "SIGTERM"?)"},
      {R"("stop_signal": 99)", "stop_signal: 99: is not a signal number; signals are 1 to 64"},
      {R"("stop_signal": [])", "stop_signal: []: must be a signal's name such as \"SIGTERM\", or its number"},
      {R"("stop_signal": "KILL")",
       "stop_signal: \"KILL\": can't be caught, so no worker could finish its requests; SIGKILL comes after "
       "drain_timeout"},
      {R"("restart": [])", "restart: []: must be an object: {…}"},
      {R"("restart": {"delay": "0s"})", "restart.delay: \"0s\": must be at least 10ms"},
      {R"("restart": {"delay": "1min"})", "restart.delay: \"1min\": must be at most restart.max_delay (30s)"},
      {R"("restart": {"max_delay": "50ms"})", "restart.max_delay: \"50ms\": must be at least restart.delay (100ms)"},
      {R"("restart": {"never": 78})", "restart.never: 78: must be an array of exit statuses: [78]"},
      {R"("restart": {"never": [1, 0]})",
       "restart.never[1]: 0: must be an exit status of a failure, a number from 1 to 255"},
      {R"("restart": {"never": [256]})",
       "restart.never[0]: 256: must be an exit status of a failure, a number from 1 to 255"},
      {R"("restart": {"never": [-1]})",
       "restart.never[0]: -1: must be an exit status of a failure, a number from 1 to 255"},
      {R"("restart": {"never": ["78"]})",
       "restart.never[0]: \"78\": must be an exit status of a failure, a number from 1 to 255"},
      {R"("restart": {"never": [7, 8, 7]})", "restart.never[2]: 7: is listed twice"},
      {R"("recycle": {"requests": -5})", "recycle.requests: -5: must be at least 0"},
      {R"("recycle": {"requests": "5"})",
       "recycle.requests: \"5\": must be a whole number from 0 to 9223372036854775807"},
      {R"("recycle": {"age": "0s"})", "recycle.age: \"0s\": must be at least 1s"},
      {R"("recycle": {"memory": 5})", "recycle.memory: 5: 5 has no unit; write 5B, 5K, …"},
      {R"("recycle": {"memory": {}})", R"(recycle.memory: {}: must be a size such as "512M", or "off")"},
      {R"("recycle": {"memory": "4K"})", "recycle.memory: \"4K\": must be at least 1M"},
      {R"("recycle": {"jitter": 10})", "recycle.jitter: 10: must be a percentage such as \"10%\""},
      {R"("recycle": {"jitter": "101%"})", "recycle.jitter: \"101%\": must be at most 100%"},
      {R"("recycle": {"jitter": "-1%"})", "recycle.jitter: \"-1%\": must be a percentage such as \"10%\""},
      {R"("recycle": {"at_most": 0})", "recycle.at_most: 0: must be at least 1"},
      {R"("reload": {"max_surge": 0})", "reload.max_surge: 0: must be at least 1"},
      {R"("reload": {"max_surge": "0%"})", "reload.max_surge: \"0%\": must be at least 1%"},
      {R"("reload": {"max_surge": "two"})",
       "reload.max_surge: \"two\": must be a number of workers, or a percentage of them such as \"25%\""},
      {R"("reload": {"max_unavailable": -1})", "reload.max_unavailable: -1: must be at least 0"},
      {R"("reload": {"max_draining": 0})", "reload.max_draining: 0: must be at least 1"},
      {R"("reload": {"max_draining": 101})", "reload.max_draining: 101: must be at most 100"},
      {R"("reload": {"sok": "1s"})", R"(reload.sok: "1s": unknown key; did you mean "soak"?)"},
      {R"("environment": [])", "environment: []: must be an object of strings: {\"NAME\": \"value\"}"},
      {R"("environment": {"A": 1})", "environment.A: 1: must be a string in quotes"},
      {R"("environment": {"A B": "1"})",
       "environment.A B: \"1\": is not a valid name of an environment variable; use letters, digits and '_'"},
      {R"("environment": {"A": "x\u0000"})", R"(environment.A: "x\x00": must not contain a NUL byte)"},
      {R"("environment": {"LISTEN_FDS": "1"})", "environment.LISTEN_FDS: \"1\": is set by preforkd for each worker"},
      {R"("environment_files": "/x")",
       "environment_files: \"/x\": must be an array of strings: [\"/etc/default/my-server\"]"},
      {R"("environment_files": ["x"])",
       "environment_files[0]: \"x\": must be an absolute path, after a '-' if it may be missing"},
      {R"("environment_files": ["-/none", "/none"])",
       "environment_files[1]: \"/none\": /none: No such file or directory (ENOENT)"},
      {R"("directory": "tmp")", "directory: \"tmp\": must be an absolute path"},
      {R"("directory": "/none")", "directory: \"/none\": No such file or directory (ENOENT)"},
      {R"("directory": "/etc/passwd")", "directory: \"/etc/passwd\": is not a directory"},
      {R"("umask": 27)", "umask: 27: must be an octal number in quotes such as \"0027\""},
      {R"("umask": "0028")", R"(umask: "0028": must be an octal number up to "0777", such as "0027")"},
      {R"("umask": "01777")", R"(umask: "01777": must be an octal number up to "0777", such as "0027")"},
      {R"("umask": "")", R"(umask: "": must be an octal number up to "0777", such as "0027")"},
      {R"("nice": -21)", "nice: -21: must be at least -20"},
      {R"("nice": 20)", "nice: 20: must be at most 19"},
      {R"("nice": 18446744073709551615)", "nice: 18446744073709551615: must be at most 19"},
      {R"("nice": "5")", "nice: \"5\": must be a whole number from -20 to 19"},
      {R"("cpu_affinity": true)", R"(cpu_affinity: true: must be "off", "spread", or a list of CPUs such as "0-3,6")"},
      {R"("cpu_affinity": "spred")", R"(cpu_affinity: "spred": is not a list of CPUs such as "0-3,6")"},
      {R"("settings": "x")", "settings: \"x\": must be an object: {…}"},
      {R"("listen": "127.0.0.1:80")", "listen: \"127.0.0.1:80\": must be an array of addresses: [\"127.0.0.1:9505\"]"},
      {R"("listen": [])", "listen: []: must be an array of addresses: [\"127.0.0.1:9505\"]"},
      {R"("listen": [80])", "listen[0]: 80: must be an address in quotes, or an object with an \"address\""},
      {R"("listen": ["127.0.0.1:70000"])", "listen[0]: \"127.0.0.1:70000\": 70000 is not a port; ports are 0…65535"},
      {R"("listen": ["[::1]:80", "[0::1]:80"])", "listen[1]: \"[0::1]:80\": is the address of an earlier entry, too"},
      {R"("listen": ["[fe80::1]:80"])",
       "listen[0]: \"[fe80::1]:80\": fe80::1 is a link-local address: it needs its interface, as in "
       "[fe80::1%eth0]:PORT"},
      {R"("listen": ["0.0.0.0:80", "127.0.0.1:80"])",
       "listen[1]: \"127.0.0.1:80\": 0.0.0.0:80 covers every IPv4 address, so 127.0.0.1:80 can't be bound as well"},
      {R"("listen": ["127.0.0.1:80", "[::]:80"])",
       "listen[1]: \"[::]:80\": [::]:80 covers every IPv4 address, so 127.0.0.1:80 can't be bound as well"},
      {R"("listen": ["[::]:80", "[::1]:80"])",
       "listen[1]: \"[::1]:80\": [::]:80 covers every IPv6 address, so [::1]:80 can't be bound as well"},
      {R"("listen": ["0.0.0.0:80", "[::ffff:127.0.0.1]:80"])",
       "listen[1]: \"[::ffff:127.0.0.1]:80\": 0.0.0.0:80 covers every IPv4 address, so [::ffff:127.0.0.1]:80 can't be "
       "bound as well"},
      {R"("listen": ["127.0.0.1:80", "[::ffff:127.0.0.1]:80"])",
       "listen[1]: \"[::ffff:127.0.0.1]:80\": 127.0.0.1:80 is the same address, so [::ffff:127.0.0.1]:80 can't be "
       "bound as well"},
      {R"("listen": ["127.0.0.1:80", "[::ffff:0.0.0.0]:80"])",
       "listen[1]: \"[::ffff:0.0.0.0]:80\": [::ffff:0.0.0.0]:80 covers every IPv4 address, so 127.0.0.1:80 can't be "
       "bound as well"},
      {R"("listen": [{"name": "x"}])",
       "listen[0].address: is missing; an entry needs an address such as \"127.0.0.1:9505\" or \"/run/x.sock\""},
      {R"("listen": [{"address": "@x", "nmae": "x"}])", R"(listen[0].nmae: "x": unknown key; did you mean "name"?)"},
      {R"("listen": [{"address": "@x", "name": "a:b"}])",
       "listen[0].name: \"a:b\": must be printable ASCII without ':'"},
      {R"("listen": [{"address": "@x", "backlog": 0}])", "listen[0].backlog: 0: must be at least 1"},
      {R"("listen": [{"address": "/x", "mode": 660}])",
       "listen[0].mode: 660: must be an octal number in quotes such as \"0660\""},
      {R"("listen": [{"address": "/x", "mode": "0888"}])",
       R"(listen[0].mode: "0888": must be an octal number up to "0777", such as "0660")"},
      {R"("listen": [{"address": "@x", "mode": "0600"}])", "listen[0].mode: \"0600\": is for UNIX socket paths only"},
      {R"("listen": [{"address": "/x", "user": "no-such-user"}])", "listen[0].user: \"no-such-user\": no such user"},
      {R"("listen": [{"address": "/x", "group": "no-such-group"}])",
       "listen[0].group: \"no-such-group\": no such group"},
  };
  for (const auto& each : cases) EXPECT_THAT(problems_of(each.json), ElementsAre(each.problem)) << each.json;
}

TEST_F(Config, what_the_sandbox_leaves_writable_is_there_and_fits_into_a_unit) {
  const std::string good = '"' + folder.path() + '"';
  EXPECT_EQ(load(R"({"program": ["/bin/true"], "writable": [)" + good + "]}").writable, std::vector{folder.path()});
  const std::string rule = R"(: must be an absolute path without ".." and control characters)";
  EXPECT_THAT(problems_of(R"("writable": ["data", "/srv/../etc", "/srv/..", "/a\nb", "/no/such", )" + good + "]"),
              ElementsAre("writable[0]: \"data\"" + rule, "writable[1]: \"/srv/../etc\"" + rule,
                          "writable[2]: \"/srv/..\"" + rule, R"(writable[3]: "/a\nb")" + rule,
                          "writable[4]: \"/no/such\": No such file or directory (ENOENT)"));
}

TEST_F(Config, a_pools_user_exists) {
  EXPECT_THAT(problems_of(R"("user": "nobody")"), ElementsAre());
  EXPECT_THAT(problems_of(R"("user": "nobdy")"), ElementsAre("user: \"nobdy\": no such user"));
}

TEST_F(Config, the_program_is_checked_like_a_shell_would) {
  constexpr const char* missing = "program: is missing; say what to run: [\"/usr/bin/my-server\", \"argument\"]";
  EXPECT_THAT(problems("{}"), ElementsAre(missing));
  EXPECT_THAT(
      problems(R"({"program": "/bin/true"})"),
      ElementsAre("program: \"/bin/true\": must be an array of strings: [\"/usr/bin/my-server\", \"argument\"]"));
  EXPECT_THAT(problems(R"({"program": ["/bin/true", 5]})"), ElementsAre("program[1]: 5: must be a string in quotes"));
  EXPECT_THAT(problems(R"({"program": ["/bin/true", "a\u0000b"]})"),
              ElementsAre(R"(program[1]: "a\x00b": must not contain a NUL byte)"));
  EXPECT_THAT(problems(R"({"program": ["./x"]})"),
              ElementsAre("program[0]: \"./x\": must be an absolute path or a name to be found in PATH"));
  EXPECT_THAT(problems(R"({"program": ["/tmp"]})"), ElementsAre("program[0]: \"/tmp\": is a directory, not a program"));
}

TEST_F(Config, all_problems_are_reported_in_one_go) {
  EXPECT_THAT(problems(R"({"workers": 0, "redy": "exec", "reload": {"max_surge": 0, "soak": 5}})"),
              ElementsAre("redy: \"exec\": unknown key; did you mean \"ready\"?",
                          "program: is missing; say what to run: [\"/usr/bin/my-server\", \"argument\"]",
                          "workers: 0: must be at least 1", "reload.max_surge: 0: must be at least 1",
                          "reload.soak: 5: 5 has no unit; write 5s, 5ms, …"));
}

TEST_F(Config, limits_name_themselves) {
  EXPECT_THAT(problems(std::string(max_config_file_bytes + 1, ' ')), ElementsAre("is larger than 1M, the limit"));
  EXPECT_THAT(problems_of("\"settings\": {\"a\": \"" + std::string(65528, 'x') + "\"}"), ElementsAre());
  EXPECT_THAT(problems_of("\"settings\": {\"a\": \"" + std::string(65529, 'x') + "\"}"),
              ElementsAre(EndsWith(": has 65537 bytes; the limit is 64K")));
  EXPECT_THAT(problems_of("\"description\": \"" + std::string(257, 'x') + '"'),
              ElementsAre(EndsWith(": has 257 bytes; the limit is 256")));
  std::string listen;
  for (int i = 0; i < 65; ++i) listen += (i == 0 ? "\"@" : ", \"@") + std::to_string(i) + '"';
  EXPECT_THAT(problems_of("\"listen\": [" + listen + ']'), ElementsAre(EndsWith(": has 65 entries; the limit is 64")));
  std::string unknown;
  for (int i = 0; i < 1500; ++i) unknown += ", \"key" + std::to_string(i) + "\": 1";
  const auto lines = problems_of("\"description\": \"\"" + unknown).size();
  EXPECT_EQ(lines, 1001U);
}

TEST_F(Config, a_file_that_cannot_be_used_is_named) {
  EXPECT_THAT(problems("[]"), ElementsAre("must contain a JSON object: { … }"));
  EXPECT_THAT(problems("{\n  \"workers\": 3,\n}"), ElementsAre("line 3, column 1: an extra ',' before the '}'"));
  EXPECT_THAT(problems("{\"a\": 1, \"a\": 2}"),
              ElementsAre("line 1, column 10: the key \"a\" appears twice in one object"));
  const std::string none = folder.path("none.json");
  EXPECT_THAT(problems_of_overrides({}, none), ElementsAre(none + ": No such file or directory (ENOENT)"));
  EXPECT_THAT(problems_of_overrides({}, folder.path()), ElementsAre(folder.path() + ": is a directory, not a file"));
  ASSERT_EQ(mkfifo(folder.path("fifo").c_str(), 0600), 0);
  EXPECT_THAT(problems_of_overrides({}, folder.path("fifo")),
              ElementsAre(folder.path("fifo") + ": is a FIFO, not a file"));
}

TEST_F(Config, the_name_comes_from_the_option_the_file_or_the_program) {
  const std::string file = folder.write("my.pool.json", R"({"program": ["/bin/true"]})");
  EXPECT_THAT(problems_of_overrides({}, file),
              ElementsAre(file + ": \"my.pool\": a pool's name is a letter and up to 62 letters, digits, '_' or '-'; "
                                 "rename the file or give --name"));
  EXPECT_EQ(load_config({folder.write("my-app_2.json", R"({"program": ["/bin/true"]})"), "", {}})->name, "my-app_2");
  EXPECT_EQ(load_config({file, "other", {}})->name, "other");
  EXPECT_EQ(load_config({"", "", {{"program", {"/bin/true"}, "PROGRAM"}}})->name, "true");
  const std::string odd = folder.write("3-way.server", "#!/bin/sh\n", 0755);
  EXPECT_EQ(load_config({"", "", {{"program", {odd}, "PROGRAM"}}})->name, "pool_3-way_server");
  const auto wrong = load_config({file, "9x", {}});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().exit_code, exit_code::usage);
  EXPECT_THAT(wrong.error().lines, ElementsAre("--name: \"9x\": a pool's name is a letter and up to 62 letters, "
                                               "digits, '_' or '-' (see --help)"));
}

TEST_F(Config, overrides_replace_the_files_values) {
  const std::string file = folder.write(
      "echo.json", R"({"program": ["/bin/false"], "workers": 3, "reload": {"max_surge": 2, "soak": "1s"}})");
  const auto config = load_config({file,
                                   "",
                                   {{"program", {"/bin/true"}, "PROGRAM"},
                                    {"workers", {{"min", 1}, {"max", 5}}, "--workers"},
                                    {"reload.soak", "5s", "--set reload.soak"},
                                    {"environment.A", "\xFF", "--set environment.A"},
                                    {"restart.delay", "1s", "--set restart.delay"}}});
  ASSERT_TRUE(config) << config.error().lines.front();
  EXPECT_EQ(config->program.front(), "/bin/true");
  EXPECT_EQ(config->workers.max, 5U);
  EXPECT_EQ(std::get<unsigned>(config->reload.max_surge), 2U);
  EXPECT_EQ(config->reload.soak, std::chrono::seconds(5));
  EXPECT_EQ(config->environment.front().second, "\xFF");
  EXPECT_EQ(config->restart.delay, std::chrono::seconds(1));
}

TEST_F(Config, a_problem_of_an_option_names_the_option) {
  const ConfigOverride program = {"program", {"/bin/true"}, "PROGRAM"};
  const auto lines = [&](ConfigOverride change) { return problems_of_overrides({program, std::move(change)}); };
  EXPECT_THAT(lines({"workers", 0, "--workers"}), ElementsAre("--workers: 0: must be at least 1 (see --help)"));
  EXPECT_THAT(
      lines({"listen", {"@a", "x"}, "--listen"}),
      ElementsAre(
          "--listen: \"x\": x is not an address; write 127.0.0.1:PORT, [::1]:PORT, /PATH or @NAME (see --help)"));
  EXPECT_THAT(lines({"reload", {{"max_surge", 0}}, "--set reload"}),
              ElementsAre("--set reload: max_surge: 0: must be at least 1 (see --help)"));
  EXPECT_THAT(lines({"drain_timout", "5s", "--set drain_timout"}),
              ElementsAre("--set drain_timout: \"5s\": unknown key; did you mean \"drain_timeout\"? (see --help)"));
  EXPECT_THAT(lines({"a.b", 1, "--set a.b"}), ElementsAre("--set a.b: a: unknown key (see --help)"));
  EXPECT_THAT(
      lines({"workers.min", 2, "--set workers.min"}),
      ElementsAre("--set workers.min: workers.max: is missing; {\"min\": …, \"max\": …} needs both (see --help)"));
  EXPECT_THAT(lines({"settings.x", "\xFF", "--set settings.x"}),
              ElementsAre("--set settings.x: settings: is not valid UTF-8 (see --help)"));
  const std::string file = folder.write("echo.json", R"({"program": ["/bin/true"], "workers": 3, "ready": "x"})");
  EXPECT_THAT(problems_of_overrides({{"workers.min", 2, "--set workers.min"}}, file),
              ElementsAre("--set workers.min: workers is 3, not an object (see --help)",
                          file + ": ready: \"x\": must be \"notify\" or \"exec\""));
  EXPECT_EQ(load_config({file, "", {{"workers.min", 2, "--set workers.min"}}}).error().exit_code, exit_code::config);
}

TEST_F(Config, a_drop_in_folder_that_cannot_be_read_is_a_problem_not_an_empty_one) {
  const std::string text = R"({"program": ["/bin/true"]})";
  const std::string file = folder.write("echo.json", text);
  EXPECT_TRUE(load_config({file, "", {}})) << "one that is not there is empty";
  folder.write("echo.json.d", "not a folder");
  const auto config = load_config({file, "", {}});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().exit_code, exit_code::config);
  EXPECT_THAT(config.error().lines, ElementsAre(file + ".d: cannot be read: Not a directory (ENOTDIR)"));
}

}  // namespace
}  // namespace preforkd
