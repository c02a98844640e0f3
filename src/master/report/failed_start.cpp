// SPDX-License-Identifier: MIT
#include "master/report/failed_start.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <string>

#include "base/errors.hpp"
#include "base/journal_fields.hpp"
#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"
#include "master/base/log.hpp"
#include "master/base/message_id.hpp"
#include "master/process/alert_file.hpp"
#include "master/process/config_watch.hpp"
#include "master/process/runtime_directory.hpp"
#include "master/report/notifier.hpp"

namespace preforkd {
namespace {

constexpr Duration max_wait = std::chrono::seconds(30);
// If the unit is stopped between two tries, the folder stays with a count that is out of date.
constexpr std::time_t remembered_seconds = 120;

// Empty if there is no folder.
std::string count_file() {
  const std::string folder = given_runtime_directory();
  return folder.empty() ? folder : folder + "/failed-starts";
}

// Includes this one.
unsigned count_failure() {
  const std::string path = count_file();
  if (path.empty()) return 1;
  struct stat old {};
  if (stat(path.c_str(), &old) == 0 && std::time(nullptr) - old.st_mtime > remembered_seconds) forget_failed_starts();
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  struct stat now {};
  if (!file || write(file.get(), ".", 1) != 1 || fstat(file.get(), &now) != 0) return 1;
  return static_cast<unsigned>(std::min<off_t>(now.st_size, 1000));
}

void raise_alert(const std::string& line, const log::Field& pool) {
  const AlertFile alert;
  if (alert.exists()) return;
  const std::string sentence = "pool \"" + pool.value + "\" can't start: " + line;
  alert.raise(sentence, sentence, {pool});
}

enum End : int { time_over, config_changed, told_to_stop };

End linger(ConfigWatch& config, Duration time, const std::string& status) {
  constexpr Duration margin = std::chrono::seconds(30);
  EventLoop loop;
  Notifier systemd(loop);
  systemd.status(status);
  systemd.extend_timeout(time + margin);
  EventSource timer =
      loop.add_timer(Priority::normal, std::chrono::milliseconds(10), [&loop] { loop.exit(time_over); });
  timer.arm(SteadyClock().now() + time);
  const EventSource stop = loop.add_signal(SIGTERM, Priority::signal, [&loop] { loop.exit(told_to_stop); });
  EventSource change;
  if (config.fd() >= 0) {
    change = loop.add_io(config.fd(), EPOLLIN, Priority::normal, [&](std::uint32_t) {
      if (config.changed()) loop.exit(config_changed);
    });
  }
  return static_cast<End>(loop.run());
}

}  // namespace

Duration time_to_linger(unsigned number) noexcept {
  constexpr unsigned max_after = 7;
  if (number < 2) return Duration{0};
  if (number >= max_after) return max_wait;
  return std::min(max_wait, Duration(std::chrono::seconds(1U << (number - 2))));
}

int end_failed_start(const ConfigSource& source, const ConfigFailure& failure, bool wrong_config) {
  const unsigned number = count_failure();
  const Duration time = time_to_linger(number);
  if (time == Duration{0}) return failure.exit_code;
  const std::string& why = failure.lines.front();
  const log::Field pool{journal_field::pool, source.name.empty() ? pool_name_of_config(source.file) : source.name};
  raise_alert(why, pool);
  ConfigWatch config(source);
  // It may have been fixed before it was watched.
  if (wrong_config && load_config(source)) return failure.exit_code;
  const std::string text = "next try in " + format_time_span(time) + ", or when its config changes";
  log::warning("start failed " + std::to_string(number) + " times in a row: " + text,
               {message_id::field(message_id::start_lingers), pool});
  const End end = linger(config, time, "can't start: " + why + "; " + text);
  if (end == time_over) return failure.exit_code;
  forget_failed_starts();
  return end == told_to_stop ? exit_code::ok : failure.exit_code;
}

void forget_failed_starts() noexcept {
  if (const std::string path = count_file(); !path.empty()) unlink(path.c_str());
}

}  // namespace preforkd
