// SPDX-License-Identifier: MIT
// How fast a process can be replaced at best: keeps one child, which is this program again (dynamically linked, with
// libstdc++) and sends "ready" in one datagram, like a worker; when it ends, spawns the next one. Prints "ready PID"
// each time. The comparison for the master's kill -9 → READY, which adds what a pool needs: descriptors, environment,
// checks, a listener's worker.
#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>

namespace {

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

int run_child(int socket) {
  if (send(socket, "READY=1", 7, MSG_NOSIGNAL) != 7) die("send");
  char byte = 0;
  const ssize_t size = recv(socket, &byte, 1, 0);  // until the parent has ended
  return size == 0 ? 0 : 1;
}

pid_t spawn_child(char* program, int socket) {
  char child_mode[] = "--child";
  char number[16];
  std::snprintf(number, sizeof number, "%d", socket);
  char* argv[] = {program, child_mode, number, nullptr};
  pid_t child = 0;
  if (const int error = posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, argv, environ); error != 0) {
    errno = error;
    die("posix_spawn");
  }
  return child;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--child") == 0) return run_child(std::atoi(argv[2]));
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  for (;;) {
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) < 0) die("socketpair");
    fcntl(sockets[0], F_SETFD, FD_CLOEXEC);
    const pid_t child = spawn_child(argv[0], sockets[1]);
    close(sockets[1]);
    char message[16];
    if (recv(sockets[0], message, sizeof message, 0) <= 0) die("recv");
    std::cout << "ready " << child << std::endl;
    if (waitpid(child, nullptr, 0) != child) die("waitpid");
    close(sockets[0]);
  }
}
