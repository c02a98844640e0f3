// SPDX-License-Identifier: MIT
#include "client/options.hpp"

#include <getopt.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "base/byte_size.hpp"
#include "base/errors.hpp"
#include "base/refused_option.hpp"
#include "base/time_span.hpp"
#include "base/whole_number.hpp"
#include "client/base/refused_value.hpp"

namespace preforkd::client {
namespace {

constexpr char help[] =
    "Usage: prefork-client [OPTION]... [ADDRESS [MESSAGE]]\n"
    "       prefork-client --bench [OPTION]... [ADDRESS]\n"
    "Client and load generator for the echo service. With MESSAGE: sends this line and prints the reply.\n"
    "Without MESSAGE: sends the lines of standard input and prints the replies.\n"
    "ADDRESS: HOST:PORT, [IPV6]:PORT, /PATH or @ABSTRACT; default 127.0.0.1:9505.\n"
    "\n"
    "  --timeout SPAN        connect timeout (0.5s; with --bench 5s)\n"
    "  --reply-timeout SPAN  with MESSAGE: timeout for the next byte of the reply (10s);\n"
    "                        with --bench: timeout for a whole reply (5s)\n"
    "  --help, --version     print and exit\n"
    "\n"
    "  --bench               run the load generator: check every reply, count failures by kind and continue\n"
    "  --connections N       concurrent connections (1)\n"
    "  --depth N             requests in flight on each connection (1); not with --churn and --open\n"
    "  --size SIZE           bytes of a request line (64)\n"
    "  --seconds S           duration (5, unless --requests is given)\n"
    "  --requests N          number of requests; with --seconds the first limit reached ends the run\n"
    "  --rate N              requests per second, evenly spread; latency is measured from when a request was due\n"
    "  --churn               open a new connection for each request; latency includes the connect\n"
    "  --open N              send one request on each of N connections, then hold them idle until SIGINT, SIGTERM\n"
    "                        or --seconds; not with --requests and --rate\n"
    "  --cpu-of PID,...      measure the CPU time of these processes during the run\n"
    "  --failures N          print the first N failures one by one (20)\n"
    "  --json                print the result as JSON\n"
    "\n"
    "Exit status: 0 success, 1 failure (\"connect failed\", no reply, any failure of --bench), 64 command line.\n";

constexpr char default_address[] = "127.0.0.1:9505";

enum Option : int {
  option_timeout = 1,
  option_reply_timeout,
  option_help,
  option_version,
  option_bench,
  option_connections,
  option_depth,
  option_size,
  option_seconds,
  option_requests,
  option_rate,
  option_churn,
  option_open,
  option_cpu_of,
  option_failures,
  option_json,
};

constexpr option long_options[] = {
    {"timeout", required_argument, nullptr, option_timeout},
    {"reply-timeout", required_argument, nullptr, option_reply_timeout},
    {"help", no_argument, nullptr, option_help},
    {"version", no_argument, nullptr, option_version},
    {"bench", no_argument, nullptr, option_bench},
    {"connections", required_argument, nullptr, option_connections},
    {"depth", required_argument, nullptr, option_depth},
    {"size", required_argument, nullptr, option_size},
    {"seconds", required_argument, nullptr, option_seconds},
    {"requests", required_argument, nullptr, option_requests},
    {"rate", required_argument, nullptr, option_rate},
    {"churn", no_argument, nullptr, option_churn},
    {"open", required_argument, nullptr, option_open},
    {"cpu-of", required_argument, nullptr, option_cpu_of},
    {"failures", required_argument, nullptr, option_failures},
    {"json", no_argument, nullptr, option_json},
    {nullptr, 0, nullptr, 0},
};

constexpr std::uint64_t max_connections = 1'000'000;
constexpr std::uint64_t max_depth = 65536;
constexpr std::uint64_t max_pid = 4194303;             // of Linux, whatever kernel.pid_max says
constexpr Duration max_span = std::chrono::years(30);  // sums do not overflow nanoseconds
constexpr std::uint64_t max_line_size = 1ULL << 30;
constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

// The options' values, before it is known which command they belong to.
struct Given {
  std::optional<Duration> timeout;
  std::optional<Duration> reply_timeout;
  bool bench = false;
  const char* bench_only = nullptr;  // an option that needs --bench
  BenchCommand command;
  std::vector<std::string> arguments;
};

[[noreturn]] void reject(const std::string& text) { throw ExitError(exit_code::usage, text); }

std::uint64_t parse_number(std::string_view text, std::uint64_t min, std::uint64_t max) {
  const auto number = whole_number<std::uint64_t>(text);
  if (!number || *number < min || *number > max)
    refuse_value(text, "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return *number;
}

std::vector<pid_t> parse_processes(std::string_view list) {
  std::vector<pid_t> processes;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    processes.push_back(static_cast<pid_t>(parse_number(list.substr(0, comma), 1, max_pid)));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return processes;
}

// For an option with a fixed unit, so that a bare number is not ambiguous.
std::string with_unit(std::string_view text, std::string_view unit) {
  const bool bare = !text.empty() && text.back() >= '0' && text.back() <= '9';
  return std::string(text).append(bare ? unit : "");
}

Duration parse_span(std::string_view text, std::string_view unit = "") {
  const Result<Duration> span = parse_time_span(with_unit(text, unit));
  if (!span) refuse_value(text, span.error().text);
  if (*span > max_span) refuse_value(text, "must not be longer than 30 years");
  return *span;
}

std::size_t parse_line_size(std::string_view text) {
  const Result<std::uint64_t> size = parse_byte_size(with_unit(text, "B"));
  if (!size) refuse_value(text, size.error().text);
  if (*size == 0 || *size > max_line_size) refuse_value(text, "must be from 1 byte to 1G");
  return *size;
}

void take_bench_option(BenchOptions& bench, int found, const char* value) {
  switch (found) {
    case option_connections:
      bench.connections = static_cast<std::uint32_t>(parse_number(value, 1, max_connections));
      break;
    case option_open:
      bench.connections = static_cast<std::uint32_t>(parse_number(value, 1, max_connections));
      bench.mode = BenchOptions::Mode::open;
      break;
    case option_churn:
      bench.mode = BenchOptions::Mode::churn;
      break;
    case option_depth:
      bench.depth = parse_number(value, 1, max_depth);
      break;
    case option_size:
      bench.size = parse_line_size(value);
      break;
    case option_seconds:
      bench.duration = parse_span(value, "s");
      break;
    case option_requests:
      bench.requests = parse_number(value, 1, no_limit);
      break;
    case option_rate:
      bench.rate = static_cast<double>(parse_number(value, 1, 1'000'000'000));
      break;
    case option_cpu_of:
      bench.cpu_of = parse_processes(value);
      break;
    case option_failures:
      bench.failures_kept = parse_number(value, 0, 1'000'000);
      break;
  }
}

void take_option(Given& given, int found, const char* value) {
  switch (found) {
    case option_timeout:
      given.timeout = parse_span(value);
      return;
    case option_reply_timeout:
      given.reply_timeout = parse_span(value);
      return;
    case option_bench:
      given.bench = true;
      return;
    case option_json:
      given.command.json = true;
      break;
    default:
      take_bench_option(given.command.options, found, value);
  }
  if (given.bench_only == nullptr) given.bench_only = long_options[found - 1].name;
}

// Why getopt_long() has just rejected an option. For a letter (there are no short options) its optopt is above the
// options' codes, and it may not yet have passed the word with the letter.
std::string refused(char* const* argv) {
  return refused_option(optopt > option_json ? "-" : argv[optind - 1], optopt, long_options);
}

Command bench_command(Given& given) {
  BenchOptions& bench = given.command.options;
  if (given.arguments.size() > 1) reject("--bench takes no message");
  if (bench.mode != BenchOptions::Mode::steady && bench.depth != 1) reject("--depth: only without --churn and --open");
  if (bench.mode == BenchOptions::Mode::open && (bench.requests != 0 || bench.rate > 0)) {
    reject("--open: can't be combined with --requests or --rate");
  }
  if (!given.arguments.empty()) bench.address = given.arguments.front();
  if (bench.address.empty()) bench.address = default_address;
  if (!bench.duration && bench.requests == 0 && bench.mode != BenchOptions::Mode::open)
    bench.duration = std::chrono::seconds(5);
  bench.connect_timeout = given.timeout.value_or(std::chrono::seconds(5));
  bench.reply_timeout = given.reply_timeout.value_or(std::chrono::seconds(5));
  return std::move(given.command);
}

Command talk_command(const Given& given) {
  using namespace std::chrono_literals;
  if (given.bench_only != nullptr) reject("--" + std::string(given.bench_only) + ": only with --bench");
  if (given.arguments.size() > 2) reject("more than one message: quote it if it has spaces");
  const std::string address = given.arguments.empty() ? default_address : given.arguments.front();
  const Duration timeout = given.timeout.value_or(500ms);
  if (given.arguments.size() < 2) return InteractiveOptions{address, timeout};
  const std::string& message = given.arguments.back();
  if (message.find('\n') != std::string::npos) reject("a message is one line: send several through standard input");
  return OneShotOptions{address, message, timeout, given.reply_timeout.value_or(10s)};
}

}  // namespace

Command parse_options(int argc, char* const* argv) {
  Given given;
  optind = 0;
  opterr = 0;
  for (int found; (found = getopt_long(argc, argv, ":", long_options, nullptr)) != -1;) {
    if (found == option_help) return PrintCommand{help};
    if (found == option_version) return PrintCommand{"prefork-client " PREFORKD_VERSION "\n"};
    if (found == ':') reject(std::string(argv[optind - 1]) + ": needs a value");
    if (found == '?') reject(refused(argv));
    try {
      take_option(given, found, optarg);
    } catch (const ExitError& error) {
      reject("--" + std::string(long_options[found - 1].name) + ": " + error.what());
    }
  }
  given.arguments.assign(argv + optind, argv + argc);
  return given.bench ? bench_command(given) : talk_command(given);
}

}  // namespace preforkd::client
