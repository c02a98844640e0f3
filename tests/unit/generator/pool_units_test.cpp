// SPDX-License-Identifier: MIT
#include "generator/pool_units.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "config/config.hpp"
#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class PoolUnits : public ::testing::Test {
 protected:
  // The files for a config with these keys, each as "PATH\nTEXT".
  [[nodiscard]] std::vector<std::string> files_of(const std::string& keys, const SocketPlaces& before = {}) const {
    const auto pool =
        load_config_alone({.file = folder.write("web.json", R"({"program": ["/opt/web/server"], )" + keys + '}')});
    if (!pool) return pool.error().lines;
    const auto units = pool_units(*pool, before);
    if (!units) return {units.error().text};
    std::vector<std::string> files;
    for (const UnitFile& unit : units->files) files.push_back(unit.path + '\n' + unit.text);
    return files;
  }
  [[nodiscard]] SocketPlaces places_of(const std::string& listen, const SocketPlaces& before = {}) const {
    const auto pool = load_config_alone(
        {.file = folder.write("web.json", R"({"program": ["/opt/web/server"], "listen": [)" + listen + "]}")});
    return pool_units(pool.value(), before).value().places;
  }
  [[nodiscard]] std::string service_of(const std::string& keys) const { return files_of(keys).back(); }

  TempFolder folder;
};

std::string starts_with_path(const std::string& path) { return path + "\n# Written by preforkd-generator from "; }

TEST_F(PoolUnits, addresses_of_one_name_are_one_socket_unit) {
  EXPECT_THAT(files_of(R"("description": "Web", "listen": ["127.0.0.1:80", "/run/web.sock"])"),
              ElementsAre(AllOf(testing::StartsWith(starts_with_path("preforkd@web.socket.d/50-preforkd.conf")),
                                HasSubstr("[Unit]\nDescription=Sockets of Web\n\n[Socket]\nListenStream=127.0.0.1:80\n"
                                          "ListenStream=/run/web.sock\nFileDescriptorName=web\nBacklog=4096\n")),
                          AllOf(testing::StartsWith(starts_with_path("preforkd@web.service.d/50-preforkd.conf")),
                                HasSubstr("[Unit]\nDescription=Web\n"), Not(HasSubstr("Sockets=")))));
}

TEST_F(PoolUnits, a_pool_without_description_is_named_since_the_templates_say_that_it_has_no_config) {
  const auto files = files_of(R"("listen": ["127.0.0.1:80"])");
  EXPECT_THAT(files.front(), HasSubstr("\nDescription=Sockets of the pool web\n"));
  EXPECT_THAT(files.back(), HasSubstr("\nDescription=Pool web\n"));
}

TEST_F(PoolUnits, both_wildcards_of_one_port_are_one_for_each_family) {
  const auto files = files_of(R"("listen": ["0.0.0.0:80", "[::]:80", "[::ffff:127.0.0.1]:81"])");
  ASSERT_EQ(files.size(), 4U);
  EXPECT_THAT(files[0], AllOf(HasSubstr("ListenStream=0.0.0.0:80\n"), Not(HasSubstr("BindIPv6Only"))));
  EXPECT_THAT(files[1], AllOf(HasSubstr("ListenStream=[::]:80\n"), HasSubstr("BindIPv6Only=ipv6-only\n")));
  EXPECT_THAT(files[2], AllOf(HasSubstr("ListenStream=[::ffff:127.0.0.1]:81\n"), HasSubstr("BindIPv6Only=both\n")));
}

TEST_F(PoolUnits, another_name_or_other_options_are_a_unit_more_that_starts_with_the_first_and_stops_when_unneeded) {
  const auto files = files_of(
      R"("listen": ["[::]:80", {"address": "/run/admin", "name": "admin", "mode": "0660", "user": "nobody", "group": "nogroup"}])");
  ASSERT_EQ(files.size(), 3U);
  EXPECT_THAT(files[0], AllOf(HasSubstr("Wants=preforkd-web-2.socket\n"), HasSubstr("BindIPv6Only=both\n")));
  EXPECT_THAT(files[1], AllOf(testing::StartsWith(starts_with_path("preforkd-web-2.socket")),
                              HasSubstr("ListenStream=/run/admin\nFileDescriptorName=admin\nBacklog=4096\n"
                                        "SocketMode=0660\nSocketUser=nobody\nSocketGroup=nogroup\n"),
                              HasSubstr("StopWhenUnneeded=yes\n"), HasSubstr("Service=preforkd@web.service\n"),
                              Not(HasSubstr("BindIPv6Only"))));
  EXPECT_THAT(files[2], AllOf(HasSubstr("Wants=preforkd-web-2.socket\nAfter=preforkd-web-2.socket\n"),
                              HasSubstr("Sockets=preforkd@web.socket preforkd-web-2.socket\n")));
}

TEST_F(PoolUnits, an_address_keeps_its_unit_a_new_one_gets_one_of_its_own_and_a_removed_ones_goes) {
  using Places = SocketPlaces;
  EXPECT_EQ(places_of(R"("@a", "@b", {"address": "@c", "name": "admin"})"), (Places{{"@a", 1}, {"@b", 1}, {"@c", 2}}));
  const Places before{{"@a", 1}, {"@b", 1}, {"@c", 2}, {"@d", 3}};
  EXPECT_EQ(places_of(R"("@b", "@c", "@d")", before), (Places{{"@b", 1}, {"@c", 2}, {"@d", 3}}));
  EXPECT_EQ(places_of(R"("@e", "@a", "@b", "@d", "@f")", before),
            (Places{{"@a", 1}, {"@b", 1}, {"@d", 3}, {"@e", 4}, {"@f", 4}}))
      << "2 is still the number of a unit that holds @c";
  EXPECT_EQ(places_of(R"({"address": "@a", "name": "admin"}, "@b")", before), (Places{{"@a", 1}, {"@b", 4}}))
      << "one unit can't have both names";
}

TEST_F(PoolUnits, the_first_unit_is_never_without_an_address) {
  using Places = SocketPlaces;
  const Places before{{"@a", 1}, {"@b", 2}, {"@c", 3}};
  EXPECT_EQ(places_of(R"("@c", "@new", "@b")", before), (Places{{"@new", 1}, {"@b", 2}, {"@c", 3}}));
  EXPECT_EQ(places_of(R"("@c", "@b")", before), (Places{{"@b", 1}, {"@c", 3}}));
}

TEST_F(PoolUnits, no_value_leaves_its_line_or_becomes_a_specifier) {
  const std::string unit = files_of(R"("description": "100 %n \\", "listen": ["/run/a \\ b%t"])").front();
  EXPECT_THAT(unit, AllOf(HasSubstr("Description=Sockets of 100 %%n \n"), HasSubstr("ListenStream=/run/a \\ b%%t\n")));
}

TEST_F(PoolUnits, a_port_that_the_kernel_would_choose_is_refused) {
  EXPECT_THAT(files_of(R"("listen": ["127.0.0.1:0"])"),
              ElementsAre("listen: 127.0.0.1:0: a .socket unit can't have port 0"));
}

TEST_F(PoolUnits, a_path_that_no_line_of_a_unit_can_hold_is_refused) {
  for (const char* const path : {R"(/run/a\nExecStart=/bin/sh)", R"(/run/a\tb)", R"(/run/a )", R"(/run/a\\)"}) {
    EXPECT_THAT(files_of(R"("listen": [")" + std::string(path) + R"("])"),
                ElementsAre(HasSubstr("a .socket unit can't have control characters")))
        << path;
  }
}

TEST_F(PoolUnits, a_path_has_the_form_that_the_pool_looks_for) {
  EXPECT_THAT(files_of(R"("listen": ["/run//web/./sock"])").front(), HasSubstr("\nListenStream=/run/web/sock\n"));
  EXPECT_THAT(files_of(R"("listen": [{"address": "/run//web.sock"}])").front(),
              HasSubstr("\nListenStream=/run/web.sock\n"));
}

TEST_F(PoolUnits, a_pool_without_listen_gets_no_sockets_from_here) {
  EXPECT_THAT(files_of(R"("workers": 2)"), ElementsAre(HasSubstr("preforkd@web.service.d")));
}

TEST_F(PoolUnits, the_service_gets_user_and_limits) {
  EXPECT_THAT(service_of(R"("workers": 1)"), Not(HasSubstr("User=")));
  EXPECT_THAT(service_of(R"("user": "www-data", "nice": -5,
                            "limits": {"nofile": {"soft": 1024, "hard": 65536}, "as": "1G"})"),
              AllOf(HasSubstr("User=www-data\n"), HasSubstr("LimitNICE=-5\n"), HasSubstr("LimitNOFILE=1024:65536\n"),
                    Not(HasSubstr("LimitAS"))));
}

// The template has the others; this one would cost pools that do not need it.
TEST_F(PoolUnits, the_service_gets_the_cpu_controller_for_a_limit_of_the_cpu) {
  EXPECT_THAT(service_of(R"("cpu_weight": 200)"), HasSubstr("\nDelegate=cpu\n"));
  EXPECT_THAT(service_of(R"("cpu_max": "150%")"), HasSubstr("\nDelegate=cpu\n"));
  EXPECT_THAT(service_of(R"("memory_max": "1G", "pids_max": 100)"), Not(HasSubstr("Delegate")));
}

TEST_F(PoolUnits, the_strict_sandbox_lets_the_program_be_executed_and_nothing_else_of_the_users) {
  EXPECT_THAT(service_of(R"("sandbox": "default")"), Not(HasSubstr("PrivateNetwork")));
  EXPECT_THAT(
      service_of(R"("sandbox": "strict")"),
      AllOf(HasSubstr("PrivateNetwork=yes\n"), HasSubstr("RestrictAddressFamilies=\nRestrictAddressFamilies=AF_UNIX\n"),
            HasSubstr("NoExecPaths=/\n"), HasSubstr("/preforkctl\n"), HasSubstr("ExecPaths=\"-/opt/web\"\n")));
}

TEST_F(PoolUnits, the_strict_sandbox_lets_execute_what_links_lead_to_and_what_runs_a_script) {
  folder.write("server", "#!/opt/tool/bin/run -x\n", 0755);
  std::filesystem::create_directory(folder.path("bin"));
  std::filesystem::create_symlink(folder.path("server"), folder.path("bin/link"));
  const auto pool = load_config_alone(
      {.file = folder.write("link.json", R"({"sandbox": "strict", "program": [")" + folder.path("bin/link") + "\"]}")});
  ASSERT_TRUE(pool);
  const std::string unit = pool_units(*pool)->files.back().text;
  for (const std::string& allowed : {folder.path("bin"), folder.path(), std::string("/opt/tool/bin")})
    EXPECT_THAT(unit, HasSubstr("ExecPaths=\"-" + allowed + "\"\n"));
}

TEST_F(PoolUnits, what_is_writable_stays_so_in_both_sandboxes) {
  for (const char* const sandbox : {"default", "strict"})
    EXPECT_THAT(service_of(R"("writable": ["/srv/a b", "/var/log/x%n"], "sandbox": ")" + std::string(sandbox) + '"'),
                HasSubstr("ReadWritePaths=\"-/srv/a b\"\nReadWritePaths=\"-/var/log/x%%n\"\n"));
}

TEST_F(PoolUnits, in_the_strict_sandbox_nothing_is_writable_and_executable_unless_its_config_says_so) {
  const std::string strict = R"("sandbox": "strict", "writable": )";
  EXPECT_THAT(service_of(strict + R"(["/opt/web//data/"])"),
              AllOf(HasSubstr("ExecPaths=\"-/opt/web\"\nBindReadOnlyPaths=\"-/opt/web\"\n"),
                    HasSubstr("ReadWritePaths=\"-/opt/web/data\"\n"), HasSubstr("NoExecPaths=\"-/opt/web/data\"\n")));
  EXPECT_THAT(service_of(strict + R"(["/opt/web/"])"),
              AllOf(HasSubstr("ExecPaths=\"-/opt/web\"\n"), HasSubstr("ReadWritePaths=\"-/opt/web\"\n"),
                    Not(HasSubstr("BindReadOnlyPaths")), Not(HasSubstr("NoExecPaths=\"-/opt"))));
  EXPECT_THAT(service_of(strict + R"(["/opt"])"),
              AllOf(HasSubstr("NoExecPaths=\"-/opt\"\n"), Not(HasSubstr("BindReadOnlyPaths"))));
}

TEST_F(PoolUnits, the_strict_sandbox_leaves_the_calls_that_the_workers_settings_need) {
  const std::string denied = "SystemCallFilter=~@privileged @resources\n", allowed = "SystemCallFilter=~@privileged\n";
  EXPECT_THAT(service_of(R"("sandbox": "strict")"), HasSubstr(denied));
  for (const char* const key :
       {R"("nice": 5)", R"("cpu_affinity": "0")", R"("cpu_affinity": "spread")", R"("limits": {"nofile": 99})"})
    EXPECT_THAT(service_of(R"("sandbox": "strict", )" + std::string(key)), HasSubstr(allowed)) << key;
}

}  // namespace
}  // namespace preforkd
