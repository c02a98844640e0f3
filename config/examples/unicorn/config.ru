# SPDX-License-Identifier: MIT
# The application of unicorn.json.
GREETING = 'hello'

run lambda { |_|
  body = "#{GREETING} from worker #{ENV['PREFORK_WORKER']}\n"
  [200, {'content-type' => 'text/plain', 'content-length' => body.bytesize.to_s}, [body]]
}
