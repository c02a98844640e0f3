# SPDX-License-Identifier: MIT
"""A booted systemd in namespaces and a cgroup of its own. All its mounts are made within them, so nothing is left after its end: the
kernel kills the other processes of a pid namespace with its PID 1, and drops a mount namespace with its last process. PID 1 is killed
with the process that made its namespaces, and that process with the thread that booted it, however the thread ends."""

import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
SECONDS_TO_BOOT = 60
NAMESPACES = ["--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup"]
OPEN_SSH = """passwd --quiet --delete root
printf '%s\n' 'PermitRootLogin yes' 'PermitEmptyPasswords yes' >/etc/ssh/sshd_config.d/test.conf
systemctl restart ssh.service"""  # no other machine has a cable to it
PREFIX = "preforkd-system-"  # of folders and cgroups; the pid of the run follows


_alive = set()


class Failed(Exception):
    """A machine failed; what is tested is not to blame."""


def cgroup_home():
    """The folder of this process's own cgroup, in which machines get theirs; None without cgroup2."""
    with open("/proc/self/mounts", encoding="utf-8") as stream:
        mounts = [line.split()[1] for line in stream if line.split()[2] == "cgroup2"]
    with open("/proc/self/cgroup", encoding="utf-8") as stream:
        own = [line.strip()[3:] for line in stream if line.startswith("0::")]
    if not mounts or not own:
        return None
    home = mounts[0] + own[0].rstrip("/")
    return home if os.access(home, os.W_OK) else None


def remove_cgroup(folder):
    """Removes a cgroup and those below it, once their processes have ended; keeps those that still have processes."""
    for path, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(path)
        except OSError:
            pass


class Machine:
    """One boot of the layers, ended at the end of the `with` block. The files are in /run/host/files inside."""

    def __init__(self, name, layers, files=()):
        self.name = name
        self._layers = layers
        self._files = files
        self._process = self._place = self._pid = self._cgroup = None

    def __enter__(self):
        try:
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            _alive.discard(self._process)
        if self._cgroup:
            self._empty_cgroup()
        if self._place:
            shutil.rmtree(self._place, ignore_errors=True)

    def run(self, *command, **options):
        """Runs a command as root inside and returns subprocess.run()'s answer."""
        enter = ["nsenter", "-t", str(self._pid), "-a", "--", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                 "LANG=C.UTF-8", "TERM=dumb", "SYSTEMD_PAGER=cat", "SYSTEMD_COLORS=0"]
        return subprocess.run(enter + list(command), stdin=subprocess.DEVNULL, **{"check": False, **options})

    def alive(self):
        return self._process.poll() is None

    def file(self, name):
        """The path of the file /run/host/NAME, which outlives a soft reboot."""
        return os.path.join(self._place, "host", name)

    def connect(self, others):
        """Gives this machine, 192.0.2.1, a cable to each of the others: 192.0.2.11, 192.0.2.12, … on their eth0. Their sshd lets root in."""
        for number, other in enumerate(others, 11):
            self._cable("link", "add", other.name, "type", "veth", "peer", "name", "eth0", "netns", str(other._pid))
            self._cable("address", "add", "192.0.2.1", "peer", f"192.0.2.{number}", "dev", other.name)
            self._cable("link", "set", other.name, "up")
            other._cable("address", "add", f"192.0.2.{number}/24", "dev", "eth0")
            other._cable("link", "set", "eth0", "up")
            other.run("/bin/sh", "-c", OPEN_SSH, check=True)

    def _cable(self, *arguments):
        """Runs ip(8) in its network, but outside its other namespaces, in which other machines have no pid."""
        subprocess.run(["nsenter", "-t", str(self._pid), "-n", "--", "/sbin/ip", *arguments], stdin=subprocess.DEVNULL, check=True)

    def journal(self):
        return self.run("journalctl", "--no-pager", "--no-hostname", "-o", "short-precise", stdout=subprocess.PIPE, timeout=30).stdout

    def _boot(self):
        self._place = new_folder()
        os.makedirs(os.path.join(self._place, "host", "files"))
        for path in self._files:
            shutil.copy(path, os.path.join(self._place, "host", "files"))
        self._cgroup = os.path.join(cgroup_home(), os.path.basename(self._place))
        os.mkdir(self._cgroup)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            ready.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            ready.bind(os.path.join(self._place, "host", "notify"))
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", 'echo $$ >"$1/cgroup.procs" && shift && exec setpriv --pdeathsig KILL "$@"', "sh", self._cgroup,
                 "unshare", *NAMESPACES, "--fork", "--kill-child", os.path.join(HERE, "boot"), ":".join(self._layers), self._place, TREE,
                 self.name.replace("_", "-")],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
            _alive.add(self._process)
            self._pid = self._wait_until_up(ready)

    def _wait_until_up(self, ready):
        """Waits for the READY=1 that systemd sends to its container manager at the end of the boot. Returns PID 1's pid outside."""
        deadline = time.monotonic() + SECONDS_TO_BOOT
        while True:
            ready.settimeout(max(0.01, min(1, deadline - time.monotonic())))
            try:
                message, ancillary, _, _ = ready.recvmsg(4096, socket.CMSG_SPACE(12))
            except TimeoutError:
                if self._process.poll() is not None:
                    raise Failed("no boot: " + self._process.stdout.read().decode(errors="replace").strip()) from None
                if time.monotonic() > deadline:
                    raise Failed(f"systemd was not up within {SECONDS_TO_BOOT} s") from None
                continue
            if b"READY=1" in message.split(b"\n"):
                return struct.unpack("iii", ancillary[0][2])[0]

    def _empty_cgroup(self):
        deadline = time.monotonic() + 10
        while os.path.isdir(self._cgroup) and time.monotonic() < deadline:
            remove_cgroup(self._cgroup)


def end_all():
    """Ends every machine at once; their commands fail, and their `with` blocks clean up."""
    for process in list(_alive):
        process.kill()


def why_not():
    """Why this process cannot boot machines, or None."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("unshare", "nsenter", "setpriv", "mmdebstrap", "apt-get"):
        if not shutil.which(program):
            return f"{program} is not installed"
    if cgroup_home() is None:
        return "needs a cgroup2 hierarchy that it may write"
    trial = subprocess.run(["unshare", *NAMESPACES, "--fork", "mount", "-t", "tmpfs", "tmpfs", "/tmp"], check=False,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if trial.returncode != 0:
        return "needs namespaces of its own and mounts in them: " + trial.stdout.strip()
    return None


def new_folder():
    """A new folder for this run, which a later run removes if this one is killed."""
    return tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")


def sweep():
    """Removes what killed runs have left: folders and empty cgroups."""
    for home in (tempfile.gettempdir(), cgroup_home()):
        for name in os.listdir(home):
            run = name[len(PREFIX):].split("-")[0]
            if not name.startswith(PREFIX) or os.path.exists(f"/proc/{run}"):
                continue
            if home == cgroup_home():
                remove_cgroup(os.path.join(home, name))
            else:
                shutil.rmtree(os.path.join(home, name), ignore_errors=True)
