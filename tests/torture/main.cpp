// SPDX-License-Identifier: MIT
// Two pools are tortured, each under a load that checks every reply: see tests/README.md.
#include <getopt.h>
#include <signal.h>
#include <sys/prctl.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "support/proc.hpp"
#include "torture/ledger.hpp"
#include "torture/load.hpp"
#include "torture/service_pool.hpp"
#include "torture/started_pool.hpp"
#include "torture/tormentor.hpp"
#include "torture/victim.hpp"

namespace preforkd::torture {
namespace {

constexpr const char* usage =
    "usage: torture [--seconds N] [--seed N] [--service] [--tell]\n"
    "  --seconds N  duration in seconds (60)\n"
    "  --seed N     seed of the order and times of the acts (default: random, printed)\n"
    "  --service    the pools are services of systemd, and the masters are killed, too: for a machine of its own\n"
    "  --tell       print each act when done (else only after a failure), and the masters' logs after a failure\n";

struct Options {
  unsigned seconds = 60;
  std::uint64_t seed = std::random_device{}();
  bool service = false;
  bool tell = false;
};

template <class Number>
bool read_number(const char* text, Number& number) {
  const char* const end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, number);
  return error == std::errc() && rest == end;
}

std::optional<Options> read_options(int argc, char** argv) {
  static constexpr option known[] = {{"seconds", required_argument, nullptr, 's'},
                                     {"seed", required_argument, nullptr, 'r'},
                                     {"service", no_argument, nullptr, 'v'},
                                     {"tell", no_argument, nullptr, 't'},
                                     {nullptr, 0, nullptr, 0}};
  Options options;
  for (int option = 0; (option = ::getopt_long(argc, argv, "", known, nullptr)) != -1;) {
    if (option == 't') {
      options.tell = true;
    } else if (option == 'v') {
      options.service = true;
    } else if (option == '?' ||
               !(option == 's' ? read_number(optarg, options.seconds) : read_number(optarg, options.seed))) {
      return std::nullopt;
    }
  }
  return optind == argc ? std::optional(options) : std::nullopt;
}

// One pool, its load and its tormentor.
class Chamber {
 public:
  Chamber(std::string name, std::unique_ptr<Victim> victim, const std::vector<Habit>& habits, std::uint64_t seed,
          bool tell)
      : name_(std::move(name)),
        victim_(std::move(victim)),
        tormentor_(*victim_, ledger_, seed, tell),
        load_(victim_->address(), habits, victim_->config_at_rest()["settings"].value("adopt", false), ledger_) {}

  void begin(Clock::time_point end) {
    torment_ = std::thread([this, end] { tormentor_.torment(end); });
  }

  // The problems found at the end, one line each.
  std::vector<std::string> finish() {
    torment_.join();
    std::vector<std::string> problems = victim_->come_to_rest();
    load_.stop();
    append(problems, victim_->leaks());
    append(problems, victim_->end());
    const std::uint64_t unexcused = ledger_.unexcused();
    if (unexcused > 0) {
      problems.push_back(std::to_string(unexcused) + " requests failed that no killed worker had, such as:");
      append(problems, ledger_.unexcused_lines(10));
    }
    // A kill may come while a worker has just taken a connection, or has not yet put one down.
    const Ledger::Count rests = ledger_.closed_at_rest();
    if (rests.all > rests.in_killed_hands || rests.all * 4 > ledger_.kills()) {
      problems.push_back(std::to_string(rests.all) + " connections were closed at rest");
    }
    if (ledger_.answered() == 0) problems.emplace_back("no request was answered at all");
    return problems;
  }

  void report() const {
    std::printf("%s\n  acts:", name_.c_str());
    const char* separator = " ";
    for (const auto& [act, count] : tormentor_.acts()) {
      std::printf("%s%s %u", separator, act.c_str(), count);
      separator = "; ";
    }
    std::printf("\n  reloads: %zu done, %zu failed, %zu superseded\n", victim_->logged("reload done"),
                victim_->logged("reload failed"), victim_->logged("reload ended"));
    std::printf("  workers killed: %zu\n  requests answered: %llu\n", ledger_.kills(),
                static_cast<unsigned long long>(ledger_.answered()));
    const auto lost = ledger_.lost();
    for (std::size_t kind = 0; kind < losses; ++kind) {
      std::printf("  requests lost, %-13s: %llu, of them %llu with a killed worker\n",
                  std::string(to_string(static_cast<Loss>(kind))).c_str(),
                  static_cast<unsigned long long>(lost[kind].all),
                  static_cast<unsigned long long>(lost[kind].in_killed_hands));
    }
    const Ledger::Count rests = ledger_.closed_at_rest();
    std::printf("  connections closed at rest : %llu, of them %llu with a killed worker\n",
                static_cast<unsigned long long>(rests.all), static_cast<unsigned long long>(rests.in_killed_hands));
  }

  [[nodiscard]] std::string log() const { return victim_->log(); }
  [[nodiscard]] const std::string& trace() const { return tormentor_.trace(); }

 private:
  static void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
    to.insert(to.end(), more.begin(), more.end());
  }

  std::string name_;
  Ledger ledger_;
  std::unique_ptr<Victim> victim_;
  Tormentor tormentor_;
  Load load_;
  std::thread torment_;
};

int run(const Options& options) {
  std::printf("torture: seed %llu, %u s\n", static_cast<unsigned long long>(options.seed), options.seconds);
  std::fflush(stdout);
  std::mt19937_64 seeds(options.seed);
  // If leaving workers keep their connections, no request may fail. If they close idle ones, a client that sends
  // another request on an old connection can meet the close half-way, as with any server; a client that has just
  // connected cannot. If connections move, no worker that leaves closes any, and one that is killed only what it had in
  // hand.
  auto pool = [&, number = 0U](const nlohmann::json& settings) mutable -> std::unique_ptr<Victim> {
    ++number;
    if (!options.service) return std::make_unique<StartedPool>(settings);
    return std::make_unique<ServicePool>("torture" + std::to_string(number), 9700 + number, settings);
  };
  Chamber keeping("drain_idle=keep", pool({{"drain_idle", "keep"}}), {one_request, many_requests, batches}, seeds(),
                  options.tell);
  Chamber closing("drain_idle=close", pool({{"drain_idle", "close"}}), {one_request}, seeds(), options.tell);
  Chamber moving("on_adopt", pool({{"adopt", true}}), {one_request, many_requests, batches, rests}, seeds(),
                 options.tell);
  const Clock::time_point end = Clock::now() + std::chrono::seconds(options.seconds);
  keeping.begin(end);
  closing.begin(end);
  moving.begin(end);
  bool well = true;
  for (Chamber* const chamber : {&keeping, &closing, &moving}) {
    const std::vector<std::string> problems = chamber->finish();
    chamber->report();
    for (const std::string& problem : problems) std::printf("  FAILED: %s\n", problem.c_str());
    if (!problems.empty() && !options.tell) std::printf("  what was done:\n%s", chamber->trace().c_str());
    if (!problems.empty() && options.tell) std::printf("%s", chamber->log().c_str());
    well = well && problems.empty();
  }
  std::printf("torture: %s (seed %llu)\n", well ? "passed" : "FAILED", static_cast<unsigned long long>(options.seed));
  return well ? 0 : 1;
}

}  // namespace
}  // namespace preforkd::torture

int main(int argc, char** argv) {
  const auto options = preforkd::torture::read_options(argc, argv);
  if (!options) {
    std::fputs(preforkd::torture::usage, stderr);
    return 64;
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::signal(SIGPIPE, SIG_IGN);
  const int status = preforkd::torture::run(*options);
  preforkd::component::kill_descendants();
  return status;
}
