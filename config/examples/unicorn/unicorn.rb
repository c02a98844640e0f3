# SPDX-License-Identifier: MIT
# The settings of unicorn.json.
require 'socket'

worker_processes 1 # the copies are preforkd's
preload_app true   # load the application before READY=1, so that a broken one never replaces a good one
timeout 25         # of a request: less than drain_timeout

# The address of the socket that is passed: unicorn sets the length of the queue, which all workers share, to 1024 unless told otherwise.
listen '127.0.0.1:8004', backlog: 4096

# What sd_notify(3) does.
after_worker_ready do |_server, _worker|
  path = ENV['NOTIFY_SOCKET'].to_s.sub(/\A@/, "\0")
  Socket.new(:UNIX, :DGRAM).send('READY=1', 0, Socket.pack_sockaddr_un(path)) unless path.empty?
end
