#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Installs a build to an empty folder and uses what is there as a stranger would. Tests: files (installs, checks what is where),
cmake_consumer and pkg_config_consumer (a project outside builds against libprefork, and its server answers a client), static_paths
(nothing installed knows the build tree)."""

import argparse
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE = 20  # seconds for what takes milliseconds


class Failure(Exception):
    pass


def run(*command, **options):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


class Stage:
    def __init__(self, arguments):
        self.root, self.prefix, self.build = arguments.stage, arguments.prefix, arguments.build
        self.compiler = arguments.compiler
        self.libdir = os.path.join(self.prefix, arguments.libdir)

    def path(self, *parts):
        return self.root + os.path.join(self.prefix, *parts)

    def environment(self):
        return dict(os.environ, LD_LIBRARY_PATH=self.root + self.libdir)


def test_files(stage):
    shutil.rmtree(stage.root, ignore_errors=True)
    run("cmake", "--install", stage.build, env=dict(os.environ, DESTDIR=stage.root))
    etc = "/etc" if stage.prefix == "/usr" else stage.prefix + "/etc"
    wanted = [stage.path(p) for p in ("bin/preforkd", "bin/preforkctl", "bin/prefork-client", "libexec/preforkd/prefork-echo", "include/prefork/server.hpp",
                                      "share/preforkd/pool.schema.json", "share/man/man1/preforkctl.1",
                                      "share/bash-completion/completions/preforkctl", "share/fish/vendor_completions.d/preforkctl.fish",
                                      "share/zsh/vendor-completions/_preforkctl")]
    wanted += [f"{stage.root}{stage.libdir}/{p}" for p in ("libprefork.so", "libprefork.so.0", "libprefork.so.0.1.0", "pkgconfig/prefork.pc",
                                                          "cmake/prefork/prefork-config.cmake")]
    wanted.append(f"{stage.root}{etc}/preforkd/echo.json")
    missing = [path for path in wanted if not os.path.exists(path)]
    if missing:
        raise Failure("not installed: " + ", ".join(missing))
    with open(f"{stage.root}{etc}/preforkd/echo.json", encoding="utf-8") as config:
        text = config.read()
    for path in ("libexec/preforkd/prefork-echo", "share/preforkd/pool.schema.json"):
        if f'"{os.path.join(stage.prefix, path)}"' not in text:
            raise Failure(f"{etc}/preforkd/echo.json does not name {path} as it is installed")
    run(stage.path("bin/preforkd"), "--help", env=stage.environment())


def ask(address, text):
    """One exchange with the server that will soon listen at the UNIX socket `address`."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE)
        client.connect(address)
        client.sendall(text)
        answer = b""
        while piece := client.recv(4096):
            answer += piece
        return answer


def serve_and_ask(stage, program):
    """The consumer's server answers, given a listening socket as systemd would, and ends when it is told to."""
    with tempfile.TemporaryDirectory() as folder:
        address = os.path.join(folder, "consumer.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen()
            # LISTEN_PID is known only in the child: a shell that becomes the program is the plain way to set it.
            command = f'exec env LISTEN_PID=$$ LISTEN_FDS=1 "$0" 3<&{listener.fileno()}'
            server = subprocess.Popen(["bash", "-c", command, program], pass_fds=[listener.fileno()], env=stage.environment())
        try:
            answer = ask(address, b"world\n")
        finally:
            server.terminate()
            ended = os.pidfd_open(server.pid)
            if not select.select([ended], [], [], DEADLINE)[0]:
                server.kill()
            os.close(ended)
            status = server.wait()
    if answer != b"hello, world\n" or status != 0:
        raise Failure(f"the server answered {answer!r} and ended with {status}")


def test_cmake_consumer(stage):
    with tempfile.TemporaryDirectory() as folder:
        run("cmake", "-S", os.path.join(HERE, "consumer"), "-B", folder, f"-DCMAKE_CXX_COMPILER={stage.compiler}",
            f"-DCMAKE_PREFIX_PATH={stage.root}{stage.prefix}")
        run("cmake", "--build", folder)
        serve_and_ask(stage, os.path.join(folder, "consumer"))


def test_pkg_config_consumer(stage):
    environment = dict(os.environ, PKG_CONFIG_PATH=f"{stage.root}{stage.libdir}/pkgconfig", PKG_CONFIG_SYSROOT_DIR=stage.root)
    flags = run("pkg-config", "--cflags", "--libs", "prefork", env=environment).split()
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "consumer")
        run(stage.compiler, "-std=c++17", os.path.join(HERE, "consumer/main.cpp"), "-o", program, *flags)
        serve_and_ask(stage, program)


def test_static_paths(stage):
    source = os.path.dirname(os.path.dirname(HERE))
    for folder, _, names in os.walk(stage.root):
        for path in (os.path.join(folder, name) for name in names):
            if path.endswith((".cmake", ".pc", ".json", ".hpp")):
                with open(path, encoding="utf-8") as stream:
                    text = stream.read()
                if source in text or stage.root in text:
                    raise Failure(f"{path} knows the build tree")
            with open(path, "rb") as stream:
                is_elf = stream.read(4) == b"\x7fELF"
            if is_elf and "RUNPATH" in run("readelf", "-dW", path):
                raise Failure(f"{path} has a run path")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("test", choices=sorted(n[len("test_"):] for n in globals() if n.startswith("test_")))
    for option in ("build", "stage", "prefix", "libdir", "compiler"):
        parser.add_argument("--" + option, required=True)
    arguments = parser.parse_args()
    try:
        globals()["test_" + arguments.test](Stage(arguments))
    except Failure as failure:
        sys.exit(str(failure))


main()
