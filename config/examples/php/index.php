<?php
// SPDX-License-Identifier: MIT
// The application of php.json.
header('Content-Type: text/plain');
echo getenv('GREETING'), ' from worker ', getenv('PREFORK_WORKER'), "\n";
