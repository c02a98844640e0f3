// SPDX-License-Identifier: MIT
#pragma once

#include <getopt.h>

#include <string>
#include <string_view>

namespace preforkd {

// Why getopt_long() answered '?' to `argument`, the word of the command line at which it stood: a sentence that begins
// with the option, "--jsn: unknown option; did you mean --json?". `letter` is its optopt, `known` what it was given:
// up to an entry without name.
[[nodiscard]] std::string refused_option(std::string_view argument, int letter, const option* known);

}  // namespace preforkd
