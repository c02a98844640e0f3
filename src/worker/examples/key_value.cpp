// SPDX-License-Identifier: MIT
// A key-value server that speaks the Redis protocol (RESP2), for redis-cli and the client libraries of Redis, with an
// admin service on a second socket.
//   ./example_key_value 127.0.0.1:6379 127.0.0.1:6380
//   redis-cli set greeting hello; echo stats | nc -N 127.0.0.1 6380
// In a pool:
//   "listen": ["127.0.0.1:6379", {"address": "127.0.0.1:6380", "name": "admin"}], "workers": 1,
//   "settings": {"max_memory": "1G", "admin": {"max_connections": 2}}
// Each worker process has data of its own, and a replacement starts without any. With more than one worker, a client
// sees the data of the worker that has accepted its connection. So it is an example, or a small cache, not a database.
#include <prefork/server.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using prefork::Connection;
using prefork::Frame;
using Arguments = std::vector<std::string_view>;

// ---- The protocol: a command is one message. These functions say where it ends, and what its arguments are.

// Takes "*3\r\n" or "$5\r\n" from the front of `rest`. Returns what the framing must return if there is no such header.
std::optional<Frame> take_header(std::string_view& rest, char type, long long& number) {
  constexpr std::size_t max_header = 32;
  constexpr long long max_number = 1024 * 1024 * 1024;
  if (rest.empty()) return Frame::incomplete();
  if (rest.front() != type) return Frame::bad();
  const std::size_t end = rest.substr(0, max_header).find("\r\n");
  if (end == std::string_view::npos) return rest.size() < max_header ? Frame::incomplete() : Frame::bad();
  const auto parsed = std::from_chars(rest.data() + 1, rest.data() + end, number);
  if (parsed.ec != std::errc() || parsed.ptr != rest.data() + end || number > max_number) return Frame::bad();
  rest.remove_prefix(end + 2);
  return std::nullopt;
}

// *2\r\n$3\r\nGET\r\n$3\r\nkey\r\n
Frame cut_array(std::string_view input, Arguments& arguments) {
  std::string_view rest = input;
  long long count = 0;
  if (const auto stop = take_header(rest, '*', count)) return *stop;
  // The library waits for that many bytes of `rest` before it asks again, and closes the connection above max_message.
  const auto wait_for = [&](std::size_t bytes) { return Frame::incomplete(input.size() - rest.size() + bytes); };
  for (; count > 0; --count) {
    // An argument has at least the bytes "$0\r\n\r\n". Without counting those that are missing, a command of a million
    // arguments would be cut from its beginning after each read.
    const std::size_t least = 6;
    const std::size_t others = least * static_cast<std::size_t>(count - 1);
    long long size = 0;
    if (const auto stop = take_header(rest, '$', size)) {
      return stop->kind() == Frame::Kind::incomplete ? wait_for(least + others) : *stop;
    }
    if (size < 0) return Frame::bad();
    const std::size_t needed = static_cast<std::size_t>(size) + 2;
    if (rest.size() < needed) return wait_for(needed + others);
    arguments.push_back(rest.substr(0, needed - 2));
    if (rest.substr(needed - 2, 2) != "\r\n") return Frame::bad();
    rest.remove_prefix(needed);
  }
  return Frame::message(input.size() - rest.size());
}

// GET key\r\n, as a person types it. An empty line is a command without arguments.
Frame cut_line(std::string_view input, Arguments& arguments) {
  constexpr std::size_t max_line = 64 * 1024;
  const std::size_t end = input.substr(0, max_line).find('\n');
  if (end == std::string_view::npos) return input.size() < max_line ? Frame::incomplete() : Frame::bad();
  std::string_view line = input.substr(0, end);
  for (constexpr std::string_view blank = " \t\r";;) {
    line.remove_prefix(std::min(line.find_first_not_of(blank), line.size()));
    if (line.empty()) return Frame::message(end + 1);
    arguments.push_back(line.substr(0, line.find_first_of(blank)));
    line.remove_prefix(arguments.back().size());
  }
}

Frame cut(std::string_view input, Arguments& arguments) {
  constexpr std::string_view replies = "+-:$";  // the other kinds of RESP: a client does not send them
  if (replies.find(input.front()) != std::string_view::npos) return Frame::bad();
  return input.front() == '*' ? cut_array(input, arguments) : cut_line(input, arguments);
}

void send_integer(Connection& c, std::int64_t number) { c.send({":", std::to_string(number), "\r\n"}); }
void send_header(Connection& c, const char* type, std::size_t size) { c.send({type, std::to_string(size), "\r\n"}); }
void send_value(Connection& c, std::string_view value) {
  send_header(c, "$", value.size());
  c.send({value, "\r\n"});
}
void send_value(Connection& c, const std::string* value) {
  if (value == nullptr) return c.send("$-1\r\n");
  send_value(c, *value);
}
// An error ends at "\r\n", so what a client has sent must not bring one into it.
void send_error(Connection& c, std::string text) {
  for (char& byte : text) {
    if (byte == '\r' || byte == '\n') byte = ' ';
  }
  c.send({"-", text, "\r\n"});
}

// ---- The data.

class Keys {
 public:
  [[nodiscard]] const std::string* find(std::string_view key) const {
    const auto at = values_.find(key);
    return at == values_.end() ? nullptr : &at->second;
  }
  void set(std::string_view key, std::string_view value) {
    erase(key);
    values_.emplace(key, value);
    bytes_ += key.size() + value.size();
  }
  bool erase(std::string_view key) {
    const auto at = values_.find(key);
    if (at == values_.end()) return false;
    bytes_ -= at->first.size() + at->second.size();
    values_.erase(at);
    return true;
  }
  [[nodiscard]] std::size_t size() const { return values_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::map<std::string, std::string, std::less<>> values_;
  std::size_t bytes_ = 0;
};

// ---- The commands.

class KeyValue {
 public:
  explicit KeyValue(std::uint64_t max_memory) : max_memory_(max_memory) {}

  void execute(Connection& c, const Arguments& arguments) {
    if (arguments.empty()) return;
    ++executed_;
    std::string name(arguments[0]);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char byte) {
      return static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
    });
    const auto command = commands_.find(name);
    if (command == commands_.end()) return send_unknown(c, arguments);
    const auto& [min, max, writes, run] = command->second;
    const bool pairs = name == "mset";
    if (arguments.size() < min || arguments.size() > max || (pairs && arguments.size() % 2 == 0)) {
      return send_error(c, "ERR wrong number of arguments for '" + name + "' command");
    }
    if (writes && keys_.bytes() >= max_memory_) {
      return send_error(c, "OOM command not allowed when used memory > 'maxmemory'.");
    }
    (this->*run)(c, arguments);
  }

  [[nodiscard]] const Keys& keys() const { return keys_; }
  [[nodiscard]] std::uint64_t executed() const { return executed_; }

 private:
  using Run = void (KeyValue::*)(Connection&, const Arguments&);
  struct Command {
    std::size_t min_arguments;  // with the name
    std::size_t max_arguments;
    bool writes;
    Run run;
  };

  static void send_unknown(Connection& c, const Arguments& arguments) {
    constexpr std::size_t shown = 128;
    std::string begin;
    for (std::size_t i = 1; i < arguments.size() && begin.size() < shown; ++i) {
      begin += "'" + std::string(arguments[i].substr(0, shown - begin.size())) + "' ";
    }
    send_error(c, "ERR unknown command '" + std::string(arguments[0].substr(0, shown)) +
                      "', with args beginning with: " + begin);
  }

  void ping(Connection& c, const Arguments& a) {
    if (a.size() == 1) return c.send("+PONG\r\n");
    send_value(c, a[1]);
  }
  void echo(Connection& c, const Arguments& a) { send_value(c, a[1]); }
  void get(Connection& c, const Arguments& a) { send_value(c, keys_.find(a[1])); }
  void set(Connection& c, const Arguments& a) {
    if (a.size() > 3) return send_error(c, "ERR syntax error");  // EX, NX and others
    keys_.set(a[1], a[2]);
    c.send("+OK\r\n");
  }
  void del(Connection& c, const Arguments& a) {
    send_integer(c, std::count_if(a.begin() + 1, a.end(), [this](std::string_view key) { return keys_.erase(key); }));
  }
  void exists(Connection& c, const Arguments& a) {
    const auto is_known = [this](std::string_view key) { return keys_.find(key) != nullptr; };
    send_integer(c, std::count_if(a.begin() + 1, a.end(), is_known));
  }
  void incr(Connection& c, const Arguments& a) {
    const std::string* const value = keys_.find(a[1]);
    std::int64_t number = 0;
    if (value != nullptr) {
      const auto parsed = std::from_chars(value->data(), value->data() + value->size(), number);
      if (parsed.ec != std::errc() || std::to_string(number) != *value) {
        return send_error(c, "ERR value is not an integer or out of range");
      }
    }
    if (number == std::numeric_limits<std::int64_t>::max()) {
      return send_error(c, "ERR increment or decrement would overflow");
    }
    keys_.set(a[1], std::to_string(++number));
    send_integer(c, number);
  }
  void mset(Connection& c, const Arguments& a) {
    for (std::size_t i = 1; i < a.size(); i += 2) keys_.set(a[i], a[i + 1]);
    c.send("+OK\r\n");
  }
  // The replies of one read leave in one write, so an array needs no buffer here.
  void mget(Connection& c, const Arguments& a) {
    send_header(c, "*", a.size() - 1);
    for (std::size_t i = 1; i < a.size(); ++i) send_value(c, keys_.find(a[i]));
  }
  // redis-cli asks for the commands, and redis-benchmark for "save" and "appendonly".
  void command(Connection& c, const Arguments&) { c.send("*0\r\n"); }
  void config(Connection& c, const Arguments& a) {
    if (a[1] != "GET" && a[1] != "get")
      return send_error(c, "ERR unknown subcommand '" + std::string(a[1]) + "'. Try CONFIG HELP.");
    c.send("*2\r\n");
    send_value(c, a[2]);
    send_value(c, a[2] == "appendonly" ? "no" : "");
  }
  void quit(Connection& c, const Arguments&) {
    c.send("+OK\r\n");
    c.close_after_flush();
  }

  static constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
  const std::map<std::string, Command> commands_{
      {"ping", {1, 2, false, &KeyValue::ping}},       {"echo", {2, 2, false, &KeyValue::echo}},
      {"get", {2, 2, false, &KeyValue::get}},         {"set", {3, any, true, &KeyValue::set}},
      {"del", {2, any, false, &KeyValue::del}},       {"exists", {2, any, false, &KeyValue::exists}},
      {"incr", {2, 2, true, &KeyValue::incr}},        {"mset", {3, any, true, &KeyValue::mset}},
      {"mget", {2, any, false, &KeyValue::mget}},     {"command", {1, any, false, &KeyValue::command}},
      {"config", {3, any, false, &KeyValue::config}}, {"quit", {1, any, false, &KeyValue::quit}},
  };
  const std::uint64_t max_memory_;
  Keys keys_;
  std::uint64_t executed_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  prefork::Server server;
  KeyValue key_value(server.setting("max_memory", prefork::ByteSize{std::uint64_t{256} << 20U}).bytes);
  std::map<std::uint64_t, std::string> clients;  // the addresses of the connections

  if (argc > 1) server.listen(argv[1]);
  server.limits(prefork::Limits().max_message(std::size_t{16} << 20U));
  server.framing(prefork::Framing::custom([arguments = Arguments()](std::string_view input) mutable {
    arguments.clear();
    return cut(input, arguments);
  }));
  server.on_connect([&](Connection& c) { clients.emplace(c.id(), c.peer()); });
  server.on_close([&](Connection& c, prefork::CloseReason) { clients.erase(c.id()); });
  server.on_message([&, arguments = Arguments()](Connection& c, std::string_view command) mutable {
    arguments.clear();
    cut(command, arguments);
    key_value.execute(c, arguments);
  });

  prefork::Service admin = server.service("admin");
  if (argc > 2) admin.listen(argv[2]);
  admin.framing(prefork::Framing::lines());
  admin.limits(prefork::Limits().max_message(1024).max_connections(4).idle_timeout(std::chrono::minutes(10)));
  admin.on_message([&](Connection& c, std::string_view line) {
    if (line == "stats") {
      c.send({"keys ", std::to_string(key_value.keys().size())});
      c.send({"bytes ", std::to_string(key_value.keys().bytes())});
      c.send({"commands ", std::to_string(key_value.executed())});
    } else if (line == "connections") {
      for (const auto& [id, peer] : clients) c.send({std::to_string(id), " ", peer});
    } else if (line == "drain") {
      server.stop();  // preforkd replaces this worker
    } else {
      return c.send("error: write stats, connections or drain");
    }
    c.send("end");
  });
  return server.run();
}
