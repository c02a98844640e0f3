// SPDX-License-Identifier: MIT
#include <clocale>
#include <exception>

#include "base/errors.hpp"
#include "ctl/command/command_line.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/screen.hpp"

namespace {

using namespace preforkd;
using namespace preforkd::ctl;

int run(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  const Screen screen(options);
  if (options.help || options.version) {
    screen.print(options.help ? help_text() : "preforkctl " PREFORKD_VERSION "\n");
    return exit_code::ok;
  }
  Context context(options, screen);
  return options.verb->run(context);
}

}  // namespace

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");
  try {
    return run(argc, argv);
  } catch (const ExitError& error) {
    complain(error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    complain(error.what());
    return exit_code::failure;
  }
}
