// SPDX-License-Identifier: MIT
#include "support/output.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>

namespace preforkd::component {

Output::Output(UniqueFd pipe)
    : pipe_(std::move(pipe)), stop_(::eventfd(0, EFD_CLOEXEC)), reader_([this] { read_all(); }) {}

Output::~Output() {
  ::eventfd_write(stop_.get(), 1);
  reader_.join();
}

void Output::read_all() {
  std::array<char, 65536> buffer{};
  std::array<pollfd, 2> entries{{{pipe_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  for (;;) {
    if (::poll(entries.data(), entries.size(), -1) < 0) continue;
    if (entries[1].revents != 0) return;
    const std::lock_guard lock(mutex_);
    const ssize_t size = ::read(pipe_.get(), buffer.data(), buffer.size());
    if (size > 0) text_.append(buffer.data(), static_cast<std::size_t>(size));
    closed_ = size <= 0;
    changed_.notify_all();
    if (closed_) return;
  }
}

std::string Output::text() const {
  std::unique_lock lock(mutex_);
  int unread = 0;
  changed_.wait_until(lock, Deadline().at(),
                      [&] { return closed_ || ::ioctl(pipe_.get(), FIONREAD, &unread) != 0 || unread == 0; });
  return text_;
}

std::size_t Output::size() const { return text().size(); }

template <class Accept>
std::string Output::find_line(const std::string& wanted, std::size_t from, const Deadline& deadline,
                              Accept accept) const {
  std::unique_lock lock(mutex_);
  std::size_t begin = from;
  for (;;) {
    for (std::size_t end = text_.find('\n', begin); end != std::string::npos; end = text_.find('\n', begin)) {
      const std::string line = text_.substr(begin, end - begin);
      if (accept(line)) return line;
      begin = end + 1;
    }
    if (closed_) throw HarnessError("the output ended without a line of \"" + wanted + "\":\n" + text_);
    if (changed_.wait_until(lock, deadline.at()) == std::cv_status::timeout && deadline.passed()) {
      throw HarnessError("no line of \"" + wanted + "\" came in time:\n" + text_);
    }
  }
}

std::string Output::wait_for(std::string_view part, std::size_t from, const Deadline& deadline) const {
  return find_line(std::string(part), from, deadline,
                   [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

std::smatch Output::wait_for(const std::regex& pattern, std::string& line, std::size_t from,
                             const Deadline& deadline) const {
  std::smatch match;
  line =
      find_line("a pattern", from, deadline, [&](const std::string& each) { return std::regex_search(each, pattern); });
  std::regex_search(line, match, pattern);
  return match;
}

std::string Output::wait_closed(const Deadline& deadline) const {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, deadline.at(), [this] { return closed_; })) {
    throw HarnessError("the output was not closed in time:\n" + text_);
  }
  return text_;
}

}  // namespace preforkd::component
