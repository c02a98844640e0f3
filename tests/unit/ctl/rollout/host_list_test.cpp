// SPDX-License-Identifier: MIT
#include "ctl/rollout/host_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errors.hpp"
#include "unit/temp_folder.hpp"

namespace preforkd::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(const std::string& text) {
  try {
    static_cast<void>(host_list(text));
  } catch (const ExitError& error) {
    EXPECT_EQ(error.exit_code(), exit_code::usage);
    return error.what();
  }
  return "";
}

TEST(HostList, is_a_list_or_a_file) {
  EXPECT_THAT(host_list("web1, root@web2.example.org,_a@10.0.0.1:2222"),
              ElementsAre("web1", "root@web2.example.org", "_a@10.0.0.1:2222"));
  const TempFolder folder;
  const std::string path = folder.write("hosts", "# ours\nweb1\n\n  root@web2  # new\r\n");
  EXPECT_THAT(host_list(path), ElementsAre("web1", "root@web2"));
  EXPECT_THAT(refusal(folder.path() + "/none"), HasSubstr("No such file"));
}

// What ssh would take for an option, and what a shell would take for more than a word.
TEST(HostList, has_only_hosts) {
  for (const char* const bad :
       {"-oProxyCommand=x", "root@-x", "-x@web", "web;ls", "web 1", "$(ls)", "a'b", "web:", "web:0", "web:65536",
        "web:ssh", "web:-p", "@web", "root@", "a@b@c", "::1", "web\n", "w\xc3\xa4"}) {
    EXPECT_THAT(refusal(bad), HasSubstr("is not [USER@]HOST[:PORT]")) << bad;
  }
  EXPECT_THAT(refusal(""), HasSubstr("names no host"));
  EXPECT_THAT(refusal(" , "), HasSubstr("names no host"));
  EXPECT_THAT(refusal("a,b,a"), HasSubstr("\"a\": is there twice"));
}

TEST(HostList, an_address_has_a_port_or_none) {
  EXPECT_EQ(host_address("root@web:2222").host, "root@web");
  EXPECT_EQ(host_address("root@web:2222").port, "2222");
  EXPECT_EQ(host_address("web").port, "");
}

}  // namespace
}  // namespace preforkd::ctl
