# SPDX-License-Identifier: MIT
# The settings of unicorn.json.
require 'socket'

worker_processes 1 # preforkd runs the copies
preload_app true   # load the application before READY=1, so that a broken version never replaces a working one
timeout 25         # for a request: less than drain_timeout

# The address of the passed socket. Without this line unicorn sets the listen backlog, which all workers share, to 1024.
listen '127.0.0.1:8004', backlog: 4096

# Does the same as sd_notify(3).
after_worker_ready do |_server, _worker|
  path = ENV['NOTIFY_SOCKET'].to_s.sub(/\A@/, "\0")
  Socket.new(:UNIX, :DGRAM).send('READY=1', 0, Socket.pack_sockaddr_un(path)) unless path.empty?
end
