// SPDX-License-Identifier: MIT
// preforkd-generator on folders of the test, and the master, which reads the same files.
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
  // Runs it and returns its output.
  [[nodiscard]] std::string generate() const {
    Process generator(binaries::preforkd_generator,
                      {"--config-folders", path("etc") + ":" + path("lib"), "--last-valid", path("kept"), path("units"),
                       path("units"), path("units")});
    EXPECT_EQ(generator.wait_exit().status, 0);
    return generator.err().wait_closed();
  }
  [[nodiscard]] std::string socket_of(const std::string& pool) const {
    const std::string file = path("units/preforkd@" + pool + ".socket.d/50-preforkd.conf");
    return fs::exists(file) ? read_file(file) : "";
  }
  // As when systemd runs it again: its earlier files are removed.
  [[nodiscard]] std::string generate_again() const {
    fs::remove_all(path("units"));
    fs::create_directory(path("units"));
    return generate();
  }
  [[nodiscard]] std::string unit(const std::string& name) const {
    return fs::exists(path("units/" + name)) ? read_file(path("units/" + name)) : "";
  }
  [[nodiscard]] static std::string config(const std::string& address) {
    return R"({"listen": [")" + address + R"("], "program": ["/nowhere/server"]})";
  }

  TempDir folder_;
};

TEST_F(Generator, a_broken_config_is_told_of_and_the_others_come_up) {
  write("etc/broken.json", "{\n  \"listen\": [\"127.0.0.1:80\"\n");
  write("etc/wrong.json", R"({"listen": ["127.0.0.1:80"], "program": ["x"], "worker": 3})");
  write("etc/bad.name.json", config("127.0.0.1:81"));
  write("etc/good.json", config("127.0.0.1:82"));
  const std::string said = generate();
  EXPECT_THAT(said, AllOf(HasSubstr(path("etc/broken.json") + ": line 3, column"), HasSubstr("wrong.json: worker"),
                          HasSubstr("did you mean \"workers\""), HasSubstr("bad.name.json: not a pool's config"),
                          Not(HasSubstr("good.json"))));
  EXPECT_THAT(socket_of("good"), HasSubstr("ListenStream=127.0.0.1:82\n"));
}

TEST_F(Generator, a_config_that_became_wrong_keeps_the_units_of_its_last_valid_one) {
  write("etc/a.json", R"({"listen": ["127.0.0.1:80", {"address": "127.0.0.1:81", "name": "admin"}],
                          "program": ["/nowhere/server"], "sandbox": "strict", "user": "nobody"})");
  EXPECT_EQ(generate(), "");
  const std::string socket = socket_of("a");
  const std::string further = unit("preforkd-a-2.socket");
  const std::string service = unit("preforkd@a.service.d/50-preforkd.conf");
  ASSERT_THAT(further, HasSubstr("ListenStream=127.0.0.1:81\n"));
  write("etc/a.json", R"({"listen": ["127.0.0.1:90"],, })");
  for (int time = 0; time < 2; ++time) {
    EXPECT_THAT(generate_again(), AllOf(HasSubstr("a.json: line 1, column 29"),
                                        HasSubstr("pool a: keeps the units of its last valid config")));
    EXPECT_EQ(socket_of("a"), socket);
    EXPECT_EQ(unit("preforkd-a-2.socket"), further);
    EXPECT_EQ(unit("preforkd@a.service.d/50-preforkd.conf"), service);
    for (const char* of : {"preforkd@a.socket.d", "preforkd@a.service.d"})
      EXPECT_THAT(unit(of + std::string("/60-preforkd-wrong-config.conf")),
                  HasSubstr("Description=Pool a (with its last valid config; now: " + path("etc/a.json") + ": line 1"));
    EXPECT_THAT(read_file(path("kept/a.json")), HasSubstr(R"("problem":")" + path("etc/a.json") + ": line 1"));
  }
  write("etc/a.json", config("127.0.0.1:90"));
  EXPECT_EQ(generate_again(), "");
  EXPECT_THAT(socket_of("a"), HasSubstr("ListenStream=127.0.0.1:90\n"));
  EXPECT_EQ(unit("preforkd@a.socket.d/60-preforkd-wrong-config.conf"), "");
  EXPECT_THAT(read_file(path("kept/a.json")), Not(HasSubstr("problem")));
}

TEST_F(Generator, a_pool_without_a_valid_config_refuses_to_start_and_says_why) {
  write("etc/a.json", R"({"listen": ["127.0.0.1:80"], "program": ["$HOME\"%n"], "sandbox": "strct"})");
  EXPECT_THAT(generate(), HasSubstr("pool a: can't start; fix its config, then: systemctl daemon-reload"));
  const std::string socket = unit("preforkd@a.socket.d/50-preforkd.conf");
  const std::string service = unit("preforkd@a.service.d/50-preforkd.conf");
  for (const std::string& text : {socket, service})
    EXPECT_THAT(text, AllOf(HasSubstr("\nExecStartPre=/bin/sh -c 'echo \"$$0\" >&2; "),
                            HasSubstr(R"(a.json: sandbox: \"strct\")"), Not(HasSubstr(":80"))));
  EXPECT_THAT(socket, AllOf(HasSubstr("\nOnFailure=preforkd-alert@a.service\n"),
                            HasSubstr("echo \"$$0\" >\"$$1/alert\"; exit 78' "), HasSubstr("\" /run/preforkd/a\n")));
  EXPECT_THAT(unit("preforkd-alert@a.service.d/50-preforkd.conf"), HasSubstr("rmdir \"$$0\"' /run/preforkd/a\n"));
  EXPECT_THAT(service, AllOf(Not(HasSubstr("alert")), HasSubstr(">&2; exit 78' ")));
}

TEST_F(Generator, a_memory_that_cannot_be_written_costs_no_pool_its_units) {
  write("etc/a.json", config("127.0.0.1:80"));
  write("etc/b.json", config("127.0.0.1:81"));
  EXPECT_EQ(generate(), "");
  fs::create_directories(path("kept/a.json.new/in-the-way"));
  fs::create_directories(path("kept/b.json.new/in-the-way"));
  write("etc/a.json", config("127.0.0.1:90"));
  write("etc/b.json", "{");
  EXPECT_THAT(generate_again(), HasSubstr("b: keeps the units of its last valid config"));
  EXPECT_THAT(socket_of("a"), HasSubstr("ListenStream=127.0.0.1:90\n"));
  EXPECT_THAT(socket_of("b"), HasSubstr("ListenStream=127.0.0.1:81\n"));
}

TEST_F(Generator, what_it_kept_is_forgotten_with_the_pool_and_damage_to_it_costs_nothing) {
  write("etc/a.json", config("127.0.0.1:80"));
  EXPECT_EQ(generate(), "");
  fs::remove(path("etc/a.json"));
  EXPECT_EQ(generate_again(), "");
  EXPECT_FALSE(fs::exists(path("kept/a.json")));
  for (const char* damaged : {"", "[]", "{\"units\": 3}", "{\"units\": {\"x\": 3}}", "\xff"}) {
    write("etc/a.json", "{");
    write("kept/a.json", damaged);
    EXPECT_THAT(generate_again(), HasSubstr("pool a: can't start"));
    EXPECT_THAT(socket_of("a"), HasSubstr("exit 78"));
  }
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
  EXPECT_THAT(generate(), HasSubstr(path("etc/a.json.d/40.json") + ": must contain a JSON object"));
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
  write("etc/a.json.d/10.json", R"({"workers": 2, "user": "nobody"})");
  const Process pool(binaries::preforkd, {"--config", path("etc/a.json")});
  EXPECT_THAT(pool.err().wait_for("user: the config says nobody"), HasSubstr("but the pool runs as "));
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
