# SPDX-License-Identifier: MIT
# The settings of puma.json.
require 'puma/server'

bind_to_activated_sockets 'only' # use the passed sockets; no address is needed here
threads 1, 5
environment 'production'
persistent_timeout 5 # how long a connection may be idle
first_data_timeout 5 # how long a client may take to send its first request

# On SIGTERM puma closes connections without a pending request, although one may be on its way. So the stop signal is SIGQUIT: for one
# second each response closes its connection. Idle connections then have first_data_timeout for a last request.
leaving = false
trap('QUIT') do
  leaving = true
  Thread.new do
    sleep 1
    Process.kill('TERM', Process.pid)
  end
end
Puma::Server.prepend(Module.new do
  define_method(:handle_request) do |client, *more|
    client.env['HTTP_CONNECTION'] = 'close' if leaving
    super(client, *more)
  end
end)
Puma::Client.prepend(Module.new do
  def can_close?
    false
  end
end)
