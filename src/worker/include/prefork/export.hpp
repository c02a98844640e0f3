// SPDX-License-Identifier: MIT
#pragma once

// Marks what libprefork.so exports. Everything public lives in the inline namespace prefork::v0, which the linker
// version script names.
#define PREFORK_EXPORT __attribute__((visibility("default")))
