// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace preforkd {

// The exit statuses that our programs share. Values of sysexits.h (BSD), as in systemd.exec(5).
namespace exit_code {
inline constexpr int ok = 0;
inline constexpr int failure = 1;
inline constexpr int usage = 64;        // EX_USAGE: the command line
inline constexpr int unavailable = 69;  // EX_UNAVAILABLE: a socket, a directory, a bus that is needed
inline constexpr int os_error = 71;     // EX_OSERR
inline constexpr int not_allowed = 77;  // EX_NOPERM
inline constexpr int config = 78;       // EX_CONFIG: the configuration file
}  // namespace exit_code

// Ends the program: main() prints what(), which may have several lines, and returns exit_code(). A daemon throws it
// only at startup. The text reads "what: object: reason", for instance "cannot listen: 127.0.0.1:80: Permission denied
// (EACCES)", and says what to do if something can be done.
class ExitError : public std::runtime_error {
 public:
  ExitError(int exit_code, const std::string& text) : std::runtime_error(text), exit_code_(exit_code) {}
  [[nodiscard]] int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

// Why there is no value: a phrase without a full stop that can follow "object: ".
struct Error {
  Error(std::string reason, int error = 0) : text(std::move(reason)), number(error) {}  // NOLINT: a reason is an Error
  Error(const char* reason) : text(reason) {}                                           // NOLINT: likewise

  std::string text;
  int number = 0;  // the errno of the call that failed; 0 if none did
};

template <class T>
using Result = tl::expected<T, Error>;
using Failure = tl::unexpected<Error>;

// "Permission denied (EACCES)".
[[nodiscard]] std::string errno_text(int error);

// "cannot map: Permission denied (EACCES)". `error`: an errno. `what`: "cannot map: ", or nothing.
[[nodiscard]] Failure os_failure(int error, const std::string& what = {});

// The same failure, said of an object: "object: text".
[[nodiscard]] Failure failure_at(const std::string& object, const Error& error);

}  // namespace preforkd
