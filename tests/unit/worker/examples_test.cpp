// SPDX-License-Identifier: MIT
// The programs of src/worker/examples, which link the shared library and see only its public headers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "unit/worker/server_process.hpp"

namespace prefork::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

// Does not return.
void execute(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments.front(), arguments.data());
  ::_exit(127);
}

std::string example_path(const char* name) { return std::string(PREFORK_EXAMPLES_DIR "/example_") + name; }

// Executes an example with `listener` as descriptor 3 and `input` as standard input.
ServerProcess start_example(const char* name, const Listener& listener, int input) {
  Start start{{listener.fd.get()}, {}, {}, {}};
  start.before = [name, input] {
    ::dup2(input, STDIN_FILENO);
    execute({example_path(name)});
  };
  return ServerProcess(start);
}

preforkd::UniqueFd nothing() { return preforkd::UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

TEST(ExamplesTest, three_callbacks) {
  const Listener listener;
  ServerProcess server = start_example("three_callbacks", listener, nothing().get());
  TestClient client(listener.address);
  client.send("hello\nquit\n");
  EXPECT_EQ(client.rest(), "received: hello\nreceived: quit\n<eof>");
  EXPECT_EQ(server.terminate(), 0);
}

TEST(ExamplesTest, deferred_reply) {
  const Listener listener;
  ServerProcess server = start_example("deferred_reply", listener, nothing().get());
  TestClient client(listener.address);
  client.send("1000000\n3\nthree\n100\n");
  client.half_close();
  EXPECT_EQ(client.rest(), "500000500000\n6\nerror: write a number up to 1000000\n5050\n<eof>");
  EXPECT_EQ(server.terminate(), 0);
}

TEST(ExamplesTest, watch_and_timer) {
  const Listener listener;
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const preforkd::UniqueFd input(ends[0]);
  preforkd::UniqueFd typed(ends[1]);
  ServerProcess server = start_example("watch_and_timer", listener, input.get());
  TestClient ann(listener.address);
  TestClient bob(listener.address);
  bob.send("ready\n");
  const std::string echo_of_bob = bob.line();
  ann.send("hello\n");
  const std::string said = bob.line();
  EXPECT_EQ(said.substr(said.find(": ")), ": hello") << said;
  ASSERT_EQ(::write(typed.get(), "welcome\n", 8), 8);
  EXPECT_EQ(bob.line(), "the house: welcome");
  typed.reset();
  bob.send("still here\n");
  EXPECT_NE(bob.line().find("still here"), std::string::npos);
  EXPECT_EQ(server.terminate(), 0);
}

// The key-value server in a process, with sockets as from preforkd.
struct KeyValueExample {
  explicit KeyValueExample(const std::string& settings = "{}") : process(start(settings)) {}

  [[nodiscard]] Start start(const std::string& settings) const {
    return {{web.fd.get(), admin.fd.get()}, {{"LISTEN_FDNAMES", "web:admin"}, {"PREFORK_SETTINGS", settings}}, {}, [] {
              execute({example_path("key_value")});
            }};
  }
  [[nodiscard]] std::string port() const { return web.address.substr(web.address.rfind(':') + 1); }

  Listener web;
  Listener admin;
  ServerProcess process;
};

preforkd::UniqueFd memory_file(const std::string& content) {
  preforkd::UniqueFd file(::memfd_create("examples-test", MFD_CLOEXEC));
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t wrote = ::pwrite(file.get(), content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (wrote <= 0) throw std::runtime_error("memory file");
    done += static_cast<std::size_t>(wrote);
  }
  return file;
}

std::string content_of(int file) {
  std::string content(static_cast<std::size_t>(::lseek(file, 0, SEEK_END)), '\0');
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t got = ::pread(file, content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (got <= 0) throw std::runtime_error("memory file");
    done += static_cast<std::size_t>(got);
  }
  return content;
}

// A program of redis-tools, run to its end: what it has written, and its exit status unless that is 0.
std::string run_client(const std::vector<std::string>& command, const std::string& input = "") {
  const preforkd::UniqueFd in = memory_file(input);
  const preforkd::UniqueFd out = memory_file("");
  Start start;
  start.before = [&] {
    ::dup2(in.get(), STDIN_FILENO);
    ::dup2(out.get(), STDOUT_FILENO);
    ::dup2(out.get(), STDERR_FILENO);
    execute(command);
  };
  ServerProcess client(start);
  const int status = client.wait();
  return content_of(out.get()) + (status == 0 ? "" : "exit status " + std::to_string(status));
}

// Commands of redis-cli, one per line.
std::string redis(const KeyValueExample& example, const std::string& commands) {
  return run_client({"redis-cli", "-p", example.port()}, commands);
}

bool has_redis_tools() { return std::system("command -v redis-cli redis-benchmark >/dev/null") == 0; }

class KeyValueTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_redis_tools()) GTEST_SKIP() << "redis-tools is not installed";
  }
};

std::string array_of(const std::vector<std::string>& arguments) {
  std::string command = "*" + std::to_string(arguments.size()) + "\r\n";
  for (const std::string& argument : arguments) {
    command += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
  }
  return command;
}

std::string binary_value(std::size_t size) {
  std::mt19937 random(4711);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST_F(KeyValueTest, redis_cli_reads_what_it_wrote) {
  KeyValueExample example;
  EXPECT_EQ(redis(example, "PING\nPING hi\nECHO you\nGET a\nSET a 41\nincr a\nGET a\nINCR new\n"),
            "PONG\nhi\nyou\n\nOK\n42\n42\n1\n");
  EXPECT_EQ(redis(example, "MSET x 1 y 2\nMGET x a none y\nEXISTS x x none\nDEL x none\nEXISTS x\n"),
            "OK\n1\n42\n\n2\n2\n1\n0\n");
  EXPECT_EQ(redis(example, "SET \"k\\x00\" \"\\xff\\r\\n\"\n"), "OK\n");
  EXPECT_EQ(run_client({"redis-cli", "-p", example.port(), "--no-raw"}, "GET \"k\\x00\"\n"), "\"\\xff\\r\\n\"\n");
  EXPECT_EQ(redis(example, "CONFIG GET save\nCOMMAND DOCS\n"), "save\n\n\n");
  EXPECT_EQ(example.process.terminate(), 0);
}

TEST_F(KeyValueTest, redis_cli_gets_the_errors_of_redis) {
  KeyValueExample example;
  const auto error_of = [&](const std::string& command) {
    const std::string text = redis(example, command + "\n");
    return text.substr(0, text.find('\n'));
  };
  EXPECT_EQ(error_of("GET"), "ERR wrong number of arguments for 'get' command");
  EXPECT_EQ(error_of("MSET a 1 b"), "ERR wrong number of arguments for 'mset' command");
  EXPECT_EQ(error_of("SET a 1 NOW"), "ERR syntax error");
  EXPECT_EQ(error_of("FLY \"to\\r\\n+OK\" me"), "ERR unknown command 'FLY', with args beginning with: 'to  +OK' 'me' ");
  redis(example, "MSET text hello most 9223372036854775807 padded 01\n");
  EXPECT_EQ(error_of("INCR text"), "ERR value is not an integer or out of range");
  EXPECT_EQ(error_of("INCR padded"), "ERR value is not an integer or out of range");
  EXPECT_EQ(error_of("INCR most"), "ERR increment or decrement would overflow");
  EXPECT_EQ(redis(example, "PING\n"), "PONG\n");
}

TEST_F(KeyValueTest, the_pipe_mode_of_redis_cli_gets_a_reply_for_each_command) {
  KeyValueExample example;
  std::string commands = "SET inline 1\r\n";
  for (int i = 0; i < 5000; ++i) commands += array_of({"SET", "key" + std::to_string(i), binary_value(100)});
  EXPECT_THAT(run_client({"redis-cli", "-p", example.port(), "--pipe"}, commands),
              EndsWith("errors: 0, replies: 5001\n"));
  EXPECT_THAT(run_client({"redis-cli", "-p", example.port(), "--pipe"}, array_of({"FLY"}) + array_of({"PING"})),
              EndsWith("errors: 1, replies: 2\nexit status 1"));
}

TEST_F(KeyValueTest, redis_benchmark_runs) {
  KeyValueExample example;
  const std::string output = run_client(
      {"redis-benchmark", "-p", example.port(), "-n", "2000", "-c", "20", "-P", "4", "-t", "set,get,incr", "-q"});
  for (const char* const test : {"SET: ", "GET: ", "INCR: "}) EXPECT_THAT(output, HasSubstr(test));
  EXPECT_THAT(output, HasSubstr("requests per second"));
  EXPECT_THAT(output, testing::Not(testing::AnyOf(HasSubstr("ERR"), HasSubstr("WARN"), HasSubstr("rror"))));
  EXPECT_EQ(redis(example, "GET counter:__rand_int__\n"), "2000\n");
}

TEST_F(KeyValueTest, a_value_of_a_megabyte_comes_back) {
  KeyValueExample example;
  const std::string value = binary_value(std::size_t{1} << 20);
  EXPECT_EQ(run_client({"redis-cli", "-p", example.port(), "-x", "SET", "big"}, value), "OK\n");
  EXPECT_TRUE(run_client({"redis-cli", "-p", example.port(), "GET", "big"}) == value + "\n");
}

TEST(ExamplesTest, key_value_takes_commands_that_arrive_in_pieces_or_together) {
  KeyValueExample example;
  TestClient client(example.web.address);
  const std::string value("a\0\r\n*1\r\n$4\r\nPING\r\n", 19);
  const std::string commands =
      "\r\n" + array_of({"SET", "k", value}) + "GET k \r\n*0\r\n*-1\r\n" + array_of({"ECHO", ""});
  const std::string replies = "+OK\r\n$19\r\n" + value + "\r\n$0\r\n\r\n";
  client.send(commands + commands);
  EXPECT_EQ(client.bytes(2 * replies.size()), replies + replies);
  const int now = 1;
  ASSERT_EQ(::setsockopt(client.fd(), IPPROTO_TCP, TCP_NODELAY, &now, sizeof now), 0);
  for (const char byte : commands) client.send({&byte, 1});
  EXPECT_EQ(client.bytes(replies.size()), replies);
  client.send("QUIT\r\nPING\r\n");
  EXPECT_EQ(client.rest(), "+OK\r\n<eof>");
}

TEST(ExamplesTest, key_value_ends_a_connection_that_sends_anything_else) {
  KeyValueExample example;
  for (const std::string bad : {"+OK\r\n", "*1\r\n:1\r\n", "*1\r\n$-1\r\n", "*x\r\n", "*1\r\n$4\r\nPINGxx",
                                "$4\r\nPING\r\n", "*99999999999\r\n", "*1\r\n$00000000000000000000000000000001\r\n"}) {
    TestClient client(example.web.address);
    client.send("PING\r\n" + bad);
    EXPECT_EQ(client.rest(), "+PONG\r\n<eof>") << bad;
  }
  // More than max_message. The last one has not sent its arguments, but they have at least six bytes each: the example
  // does not cut a command again for each read.
  for (const std::string large : {"*1\r\n$16777216\r\n", "*2\r\n$16777200\r\n", "*10000000\r\n"}) {
    TestClient client(example.web.address);
    client.send(array_of({"PING"}) + large);
    EXPECT_EQ(client.rest(), "+PONG\r\n<eof>") << large;
  }
}

TEST(ExamplesTest, key_value_refuses_to_grow_above_max_memory) {
  KeyValueExample example(R"({"max_memory": "100B"})");
  TestClient client(example.web.address);
  client.send(array_of({"SET", "a", std::string(200, 'x')}) + "SET b 1\r\nINCR n\r\nDEL a\r\nSET b 1\r\n");
  const std::string full = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
  client.half_close();
  EXPECT_EQ(client.rest(), "+OK\r\n" + full + full + ":1\r\n+OK\r\n<eof>");
}

// What an admin gets for a line, up to "end".
std::string ask(TestClient& admin, const std::string& line) {
  admin.send(line + "\n");
  std::string answer;
  for (;;) {
    const std::string part = admin.line();
    if (part == "end") return answer;
    answer += part + "\n";
    if (part.find("error:") == 0 || part.find("<eof>") != std::string::npos) return answer;
  }
}

TEST(ExamplesTest, key_value_has_an_admin_service_on_its_second_socket) {
  KeyValueExample example;
  TestClient client(example.web.address);
  client.send("SET key value\r\nGET key\r\n");
  EXPECT_EQ(client.bytes(16), "+OK\r\n$5\r\nvalue\r\n");
  TestClient admin(example.admin.address);
  EXPECT_EQ(ask(admin, "stats"), "keys 1\nbytes 8\ncommands 2\n");
  EXPECT_THAT(ask(admin, "connections"), HasSubstr(" 127.0.0.1:"));
  EXPECT_EQ(ask(admin, "GET key"), "error: write stats, connections or drain\n");
  client.close();
  std::string connections = ask(admin, "connections");
  for (int tries = 0; !connections.empty() && tries < 1000; ++tries) connections = ask(admin, "connections");
  EXPECT_EQ(connections, "") << "the admin itself is not a client";
  EXPECT_EQ(ask(admin, "drain"), "");
  EXPECT_EQ(admin.rest(), "<eof>");
  EXPECT_EQ(example.process.wait(), 0);
}

TEST(ExamplesTest, key_value_has_limits_of_its_own_for_the_admin_service) {
  KeyValueExample example(R"({"admin": {"max_connections": 1, "idle_timeout": "100ms"}})");
  TestClient first(example.admin.address);
  EXPECT_EQ(ask(first, "stats"), "keys 0\nbytes 0\ncommands 0\n");
  TestClient second(example.admin.address);
  TestClient client(example.web.address);
  EXPECT_EQ(first.rest(), "<eof>") << "idle_timeout";
  first.close();
  EXPECT_EQ(ask(second, "stats"), "keys 0\nbytes 0\ncommands 0\n") << "accepted when the first had left";
  client.send("PING\r\n");
  EXPECT_EQ(client.bytes(7), "+PONG\r\n") << "a client may be idle for longer";
}

TEST(ExamplesTest, key_value_listens_on_the_addresses_of_its_command_line) {
  const std::string prefix = "@examples-test-" + std::to_string(::getpid());
  Start start;
  start.before = [&] { execute({example_path("key_value"), prefix + "-web", prefix + "-admin"}); };
  ServerProcess process(start);
  const auto connect = [](const std::string& address) {
    for (const auto deadline = std::chrono::steady_clock::now() + patience;;) {
      try {
        return TestClient(address);
      } catch (const std::runtime_error&) {
        if (std::chrono::steady_clock::now() > deadline) throw;
        std::this_thread::yield();  // it does not listen yet
      }
    }
  };
  TestClient client = connect(prefix + "-web");
  TestClient admin = connect(prefix + "-admin");
  client.send("PING\r\n");
  EXPECT_EQ(client.bytes(7), "+PONG\r\n");
  EXPECT_THAT(ask(admin, "connections"), EndsWith(" unix\n"));
  EXPECT_EQ(process.terminate(), 0);
}

}  // namespace
}  // namespace prefork::test
