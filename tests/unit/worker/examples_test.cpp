// SPDX-License-Identifier: MIT
// The programs of src/worker/examples, which link the shared library and see only its public headers.
#include <gtest/gtest.h>

#include "unit/worker/server_process.hpp"

namespace prefork::test {
namespace {

// Executes an example with `listener` as descriptor 3 and `input` as standard input.
ServerProcess start_example(const char* name, const Listener& listener, int input) {
  Start start{{listener.fd.get()}, {}, {}, {}};
  start.before = [name, input] {
    ::dup2(input, STDIN_FILENO);
    const std::string path = std::string(PREFORK_EXAMPLES_DIR "/example_") + name;
    ::execl(path.c_str(), path.c_str(), nullptr);
    ::_exit(127);
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

}  // namespace
}  // namespace prefork::test
