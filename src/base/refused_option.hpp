// SPDX-License-Identifier: MIT
#pragma once

#include <getopt.h>

#include <string>
#include <string_view>

namespace preforkd {

// Why getopt_long() returned '?' for `argument`, a word of the command line: a sentence that begins with the option,
// "--jsn: unknown option; did you mean --json?". `letter` is optopt, `known` the options, which end with an entry
// without a name.
[[nodiscard]] std::string refused_option(std::string_view argument, int letter, const option* known);

}  // namespace preforkd
