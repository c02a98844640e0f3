// SPDX-License-Identifier: MIT
#include "worker/base/log.hpp"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstddef>

#include "base/escape.hpp"
#include "base/stderr_line.hpp"

namespace prefork::internal {

namespace {

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }
bool continues_utf8(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// Lives on the stack: a line costs no allocation, so it can also report that memory has run out.
class Line {
 public:
  void add(std::string_view text) noexcept {
    if (cut_) return;
    std::size_t size = text.size();
    if (size > text_limit - size_) {
      cut_ = true;
      size = text_limit - size_;
      while (size > 0 && continues_utf8(text[size])) --size;
    }
    put(text.substr(0, size));
  }
  void add_number(unsigned long number) noexcept {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    add({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }
  [[nodiscard]] std::string_view finish() noexcept {
    if (cut_) put(ellipsis);
    bytes_[size_++] = '\n';
    return {bytes_.data(), size_};
  }

 private:
  static constexpr std::string_view ellipsis = "…";
  static constexpr std::size_t text_limit = PIPE_BUF - ellipsis.size() - 1;

  void put(std::string_view text) noexcept {
    for (const char c : text) bytes_[size_++] = is_control(c) ? ' ' : c;
  }

  std::array<char, PIPE_BUF> bytes_;
  std::size_t size_ = 0;
  bool cut_ = false;
};

struct Name {
  std::array<char, 63> bytes;
  std::size_t size = 0;
};
Name name;

std::atomic<unsigned long> dropped{0};

void begin(Line& line, LogLevel level) noexcept {
  struct stat status {};
  if (::fstat(STDERR_FILENO, &status) == 0 && S_ISSOCK(status.st_mode)) {
    line.add("<");
    line.add_number(static_cast<unsigned long>(level));
    line.add(">");
    return;
  }
  line.add(name.size > 0 ? std::string_view(name.bytes.data(), name.size) : program_invocation_short_name);
  line.add(": ");
}

bool tell_dropped(unsigned long lines) noexcept {
  Line line;
  begin(line, LogLevel::warning);
  line.add("log lines dropped because they were not read: ");
  line.add_number(lines);
  return preforkd::write_stderr_line(line.finish());
}

}  // namespace

void log_line(LogLevel level, std::initializer_list<std::string_view> parts) noexcept {
  const int saved = errno;
  const unsigned long before = dropped.load(std::memory_order_relaxed);
  if (before > 0 && tell_dropped(before)) dropped.fetch_sub(before, std::memory_order_relaxed);
  Line line;
  begin(line, level);
  for (const std::string_view part : parts) line.add(part);
  if (!preforkd::write_stderr_line(line.finish())) dropped.fetch_add(1, std::memory_order_relaxed);
  errno = saved;
}

void set_log_name(std::string_view text) noexcept { name.size = text.copy(name.bytes.data(), name.bytes.size()); }

}  // namespace prefork::internal

namespace prefork {
inline namespace v0 {

void log(LogLevel level, std::initializer_list<std::string_view> parts) noexcept { internal::log_line(level, parts); }

std::string escape(std::string_view bytes, std::size_t limit) { return preforkd::escape_bytes(bytes, limit); }

}  // namespace v0
}  // namespace prefork
