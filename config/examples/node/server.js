// SPDX-License-Identifier: MIT
// The program of node.json.
'use strict';
const http = require('node:http');
const net = require('node:net');

const greeting = 'hello';
let leaving = false;

const server = http.createServer((request, response) => {
  if (leaving) response.setHeader('Connection', 'close');
  response.end(`${greeting} from worker ${process.env.PREFORK_WORKER}\n`);
});

// Passed sockets start at descriptor 3. Without the second argument node sets the listen backlog, which all workers share, to 511.
server.listen({ fd: 3 }, 4096);

process.on('SIGTERM', () => {
  leaving = true;
  // Not server.close(): since node 19 it closes idle connections at once, and a request may be on its way on one. This
  // way each connection closes after its next response, or after keepAliveTimeout.
  net.Server.prototype.close.call(server);
});
