# SPDX-License-Identifier: MIT
# The settings of puma.json.
require 'puma/server'

bind_to_activated_sockets 'only' # what systemd passes, without saying the address again
threads 1, 5
environment 'production'
persistent_timeout 5 # how long a connection may be idle
first_data_timeout 5 # how long a client may take to send its first request

# When puma leaves (SIGTERM), it closes connections that have no request in hand, though one may be on its way. So the pool says SIGQUIT
# first: for a second each answer ends its connection. Those that were idle have first_data_timeout for a last request then.
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
