// SPDX-License-Identifier: MIT
#include "generator/pool_units.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  [[nodiscard]] std::vector<std::string> files_of(const std::string& keys) const {
    const auto pool =
        load_config_alone({.file = folder.write("web.json", R"({"program": ["/opt/web/server"], )" + keys + '}')});
    if (!pool) return pool.error().lines;
    const auto units = pool_units(*pool);
    if (!units) return {units.error()};
    std::vector<std::string> files;
    for (const UnitFile& unit : *units) files.push_back(unit.path + '\n' + unit.text);
    return files;
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

TEST_F(PoolUnits, another_name_or_other_options_are_a_unit_more_that_comes_and_goes_with_the_first) {
  const auto files = files_of(
      R"("listen": ["[::]:80", {"address": "/run/admin", "name": "admin", "mode": "0660", "user": "nobody", "group": "nogroup"}])");
  ASSERT_EQ(files.size(), 3U);
  EXPECT_THAT(files[0], AllOf(HasSubstr("Requires=preforkd-web-2.socket\n"), HasSubstr("BindIPv6Only=both\n")));
  EXPECT_THAT(files[1], AllOf(testing::StartsWith(starts_with_path("preforkd-web-2.socket")),
                              HasSubstr("PartOf=preforkd@web.socket\n"),
                              HasSubstr("ListenStream=/run/admin\nFileDescriptorName=admin\nBacklog=4096\n"
                                        "SocketMode=0660\nSocketUser=nobody\nSocketGroup=nogroup\n"),
                              HasSubstr("Service=preforkd@web.service\n"), Not(HasSubstr("BindIPv6Only"))));
  EXPECT_THAT(files[2], HasSubstr("Sockets=preforkd@web.socket preforkd-web-2.socket\n"));
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

TEST_F(PoolUnits, a_pool_without_listen_gets_no_sockets_from_here) {
  EXPECT_THAT(files_of(R"("workers": 2)"), ElementsAre(HasSubstr("preforkd@web.service.d")));
}

TEST_F(PoolUnits, the_service_gets_user_limits_and_a_stop_that_is_longer_than_a_drain) {
  EXPECT_THAT(service_of(R"("workers": 1)"), AllOf(Not(HasSubstr("User=")), Not(HasSubstr("TimeoutStopSec="))));
  EXPECT_THAT(service_of(R"("user": "www-data", "drain_timeout": "5min", "nice": -5,
                            "limits": {"nofile": {"soft": 1024, "hard": 65536}, "as": "1G"})"),
              AllOf(HasSubstr("User=www-data\n"), HasSubstr("TimeoutStopSec=5min 15s\n"), HasSubstr("LimitNICE=-5\n"),
                    HasSubstr("LimitNOFILE=1024:65536\n"), Not(HasSubstr("LimitAS"))));
}

TEST_F(PoolUnits, the_strict_sandbox_lets_the_program_be_executed_and_nothing_else_of_the_users) {
  EXPECT_THAT(service_of(R"("sandbox": "default")"), Not(HasSubstr("PrivateNetwork")));
  EXPECT_THAT(
      service_of(R"("sandbox": "strict")"),
      AllOf(HasSubstr("PrivateNetwork=yes\n"), HasSubstr("RestrictAddressFamilies=\nRestrictAddressFamilies=AF_UNIX\n"),
            HasSubstr("NoExecPaths=/\n"), HasSubstr("/preforkctl\n"), HasSubstr("ExecPaths=\"-/opt/web\"\n")));
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
