// SPDX-License-Identifier: MIT
// preforkd-generator, on folders of the test's own; and the master, which reads the same files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "support/binaries.hpp"
#include "support/proc.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Generator : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"etc", "lib", "units"}) fs::create_directory(path(name));
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.file(name); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(path(name)).parent_path());
    std::ofstream(path(name)) << text;
  }
  // Runs it; what it said.
  [[nodiscard]] std::string generate() const {
    Process generator(binaries::preforkd_generator, {"--config-folders", path("etc") + ":" + path("lib"), path("units"),
                                                     path("units"), path("units")});
    EXPECT_EQ(generator.wait_exit().status, 0);
    return generator.err().wait_closed();
  }
  [[nodiscard]] std::string socket_of(const std::string& pool) const {
    const std::string file = path("units/preforkd@" + pool + ".socket.d/50-preforkd.conf");
    return fs::exists(file) ? read_file(file) : "";
  }
  [[nodiscard]] static std::string config(const std::string& address) {
    return R"({"listen": [")" + address + R"("], "program": ["/nowhere/server"]})";
  }

  TempDir folder_;
};

TEST_F(Generator, a_broken_config_is_told_of_and_the_others_come_up) {
  write("etc/broken.json", "{\n  \"listen\": [\"127.0.0.1:80\"\n");
  write("etc/wrong.json", R"({"listen": ["127.0.0.1:80"], "program": ["x"], "worker": 3})");
  write("etc/bad-name.json", config("127.0.0.1:81"));
  write("etc/good.json", config("127.0.0.1:82"));
  const std::string said = generate();
  EXPECT_THAT(said, AllOf(HasSubstr(path("etc/broken.json") + ": line 3, column"), HasSubstr("wrong.json: worker"),
                          HasSubstr("did you mean \"workers\""), HasSubstr("bad-name.json: not a pool's config"),
                          Not(HasSubstr("good.json"))));
  EXPECT_EQ(socket_of("broken"), "");
  EXPECT_THAT(socket_of("good"), HasSubstr("ListenStream=127.0.0.1:82\n"));
}

TEST_F(Generator, etc_hides_lib_and_a_link_to_dev_null_hides_for_good) {
  write("lib/a.json", config("127.0.0.1:81"));
  write("etc/a.json", config("127.0.0.1:91"));
  write("lib/b.json", config("127.0.0.1:82"));
  write("lib/masked.json", config("127.0.0.1:83"));
  ASSERT_EQ(::symlink("/dev/null", path("etc/masked.json").c_str()), 0);
  EXPECT_EQ(generate(), "");
  EXPECT_THAT(socket_of("a"), AllOf(HasSubstr(":91"), Not(HasSubstr(":81"))));
  EXPECT_THAT(socket_of("b"), HasSubstr(":82"));
  EXPECT_EQ(socket_of("masked"), "");
}

TEST_F(Generator, drop_ins_are_merged_in_order_of_their_names_and_are_to_blame_for_what_they_say) {
  write("lib/a.json", config("127.0.0.1:80"));
  write("lib/a.json.d/10.json", R"({"listen": ["127.0.0.1:10"], "user": "ten", "sandbox": "strict"})");
  write("etc/a.json.d/20.json", R"({"user": null, "listen": ["127.0.0.1:20"]})");
  write("lib/a.json.d/30.json", R"({"listen": ["127.0.0.1:30"]})");
  write("etc/a.json.d/30.json", R"({"description": "hides the one of lib"})");
  EXPECT_EQ(generate(), "");
  EXPECT_THAT(socket_of("a"),
              HasSubstr("Description=Sockets of hides the one of lib\n\n[Socket]\nListenStream=127.0.0.1:20\n"));
  EXPECT_THAT(read_file(path("units/preforkd@a.service.d/50-preforkd.conf")),
              AllOf(HasSubstr("PrivateNetwork=yes"), Not(HasSubstr("User="))));
  write("etc/a.json.d/40.json", R"({"recycle": {"age": 5}})");
  EXPECT_THAT(generate(), HasSubstr(path("etc/a.json.d/40.json") + ": recycle.age: 5: "));
  write("etc/a.json.d/40.json", "[]");
  EXPECT_THAT(generate(), HasSubstr(path("etc/a.json.d/40.json") + ": must hold a JSON object"));
}

TEST_F(Generator, a_hundred_pools_are_read_and_written_once_each) {
  for (int i = 0; i < 100; ++i)
    write("etc/pool" + std::to_string(i) + ".json", config("127.0.0.1:" + std::to_string(1000 + i)));
  EXPECT_EQ(generate(), "");
  for (int i = 0; i < 100; ++i)
    EXPECT_THAT(socket_of("pool" + std::to_string(i)),
                HasSubstr("ListenStream=127.0.0.1:" + std::to_string(1000 + i) + "\n"));
}

TEST_F(Generator, a_folder_that_cannot_be_written_keeps_no_machine_from_booting) {
  write("etc/a.json", config("127.0.0.1:80"));
  write("units/preforkd@a.socket.d", "a file where a folder is needed");
  EXPECT_THAT(generate(), HasSubstr(path("etc/a.json") + ": "));
}

TEST_F(Generator, a_wrong_command_line_is_refused) {
  Process generator(binaries::preforkd_generator, {"--nonsense"});
  EXPECT_EQ(generator.wait_exit().status, 64);
  EXPECT_THAT(generator.err().wait_closed(), HasSubstr("--nonsense (see --help)"));
}

TEST_F(Generator, the_master_reads_the_drop_ins_beside_its_config_too) {
  write("etc/a.json", R"({"listen": ["127.0.0.1:0"], "program": [")" + binaries::worker("does_as_told") + R"("]})");
  write("etc/a.json.d/10.json", R"({"workers": "many"})");
  Process refused(binaries::preforkd, {"--check", "--config", path("etc/a.json")});
  EXPECT_EQ(refused.wait_exit().status, 78);
  EXPECT_THAT(refused.err().wait_closed(), HasSubstr(path("etc/a.json.d/10.json") + ": workers: \"many\": "));
  write("etc/a.json.d/10.json", R"({"workers": 2, "user": "somebody"})");
  const Process pool(binaries::preforkd, {"--config", path("etc/a.json")});
  EXPECT_THAT(pool.err().wait_for("user: the config says somebody"), HasSubstr("but the pool runs as "));
  pool.err().wait_for("2/2 workers ready");
}

TEST_F(Generator, a_name_alone_is_that_of_a_pool_that_has_a_config) {
  Process pool(binaries::preforkd, {"--check", "--name", "preforkd_test_that_nobody_has"});
  EXPECT_EQ(pool.wait_exit().status, 64);
  EXPECT_THAT(pool.err().wait_closed(),
              AllOf(HasSubstr("there is neither "), HasSubstr("/lib/preforkd/preforkd_test_that_nobody_has.json")));
}

}  // namespace
}  // namespace preforkd::component
