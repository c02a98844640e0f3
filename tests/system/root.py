# SPDX-License-Identifier: MIT
"""The Debian root of the machines, made once by mmdebstrap from the package sources of this machine."""

import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import tempfile

# The last ones are apt's patterns for the libraries' names with any number.
PACKAGES = ["systemd", "systemd-sysv", "dbus", "polkitd", "procps", "iproute2", "libstdc++6", "libsystemd0", "python3-minimal",
            r"?name(^libsdbus-c\+\+[0-9]+$)", r"?name(^libmicrohttpd[0-9]+)"]
BUILD_TEST_PACKAGES = ["libgtest-dev", "libgmock-dev", "python3", "procps", "dbus-daemon", "curl", "redis-tools", "systemd", "ccache", "mold"]
SECONDS_TO_MAKE = 900
TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Unavailable(Exception):
    """What this machine cannot do, worded for the user."""


class BuildFailed(Exception):
    """The tested packages could not be built or installed."""


def cache():
    """The folder of all roots: $PREFORKD_TEST_CACHE, else $XDG_CACHE_HOME/preforkd-tests, else /var/cache/preforkd-tests."""
    chosen = os.environ.get("PREFORKD_TEST_CACHE")
    return chosen or os.path.join(os.environ.get("XDG_CACHE_HOME") or "/var/cache", "preforkd-tests")


def own_suite():
    with open("/etc/os-release", encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("VERSION_CODENAME="):
                return line.split("=", 1)[1].strip().strip('"')
    raise Unavailable("/etc/os-release names no Debian release")


def sources(suite):
    """Lines of apt sources for the suite: this machine's Debian repositories, with the suite's name in place of its own."""
    listing = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)", "Created-By: Packages"],
                             stdout=subprocess.PIPE, check=True, text=True).stdout
    own, lines = own_suite(), []
    for entry in listing.splitlines():
        uri, release, component = entry.split("\t")
        if component == "main" and (release == own or release.startswith(own + "-")):
            line = f"deb {uri} {suite}{release[len(own):]} {component}"
            if line not in lines:
                lines.append(line)
    if not lines:
        raise Unavailable(f"apt has no source of {own} to make a root from")
    return lines


def build_packages():
    """The packages that preforkd needs to be built, packaged, and tested (unit and component tests)."""
    with open(os.path.join(TREE, "packaging/build-dependencies"), encoding="utf-8") as stream:
        rows = [line.split() for line in stream if not line.startswith("#")]
    return [package.split("|")[0] for group, package in rows if group in ("build", "package")] + BUILD_TEST_PACKAGES


def debian(suite, packages=None):
    """The path of a root of the suite with the packages (PACKAGES), made if missing. It never changes: it is only a lower layer."""
    packages = packages or PACKAGES
    if not shutil.which("mmdebstrap"):
        raise Unavailable("mmdebstrap is not installed")
    key = hashlib.sha256("\n".join([suite] + packages).encode()).hexdigest()[:12]
    root = os.path.join(cache(), f"{suite}-{key}")
    os.makedirs(cache(), mode=0o755, exist_ok=True)
    with open(root + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.isdir(root):
            return root
        print(f"making a root of Debian {suite} in {root}", flush=True)
        unfinished = tempfile.mkdtemp(prefix=f".{suite}-", dir=cache())
        try:
            _bootstrap(suite, packages, unfinished)
            os.rename(unfinished, root)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return root


def _bootstrap(suite, packages, folder):
    command = ["mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", "--include=" + ",".join(packages), suite, folder, "-"]
    run = subprocess.run(command, input="\n".join(sources(suite)) + "\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         timeout=SECONDS_TO_MAKE, check=False)
    if run.returncode != 0:
        raise Unavailable(f"mmdebstrap could not make a root of {suite}: " + run.stdout.strip()[-500:])
    os.chmod(folder, 0o755)


def packages(suite):
    """Builds the project's Debian packages for the suite if anything has changed, and returns their paths by name."""
    place = "build/deb" if suite == own_suite() else "build/deb-" + suite
    elsewhere = [] if suite == own_suite() else ["tests/system/inside", suite]
    done = subprocess.run([*elsewhere, "packaging/build-deb", "--quiet", "--into", place], cwd=TREE, stdin=subprocess.DEVNULL, check=False)
    if done.returncode == 77:
        raise Unavailable(f"no packages can be built for {suite}")
    if done.returncode != 0:
        raise BuildFailed(f"the packages of {suite} could not be built")
    paths = glob.glob(os.path.join(TREE, place, "*.deb"))
    return {os.path.basename(path).split("_")[0]: path for path in paths}


# The upper folder must not be on an overlay (a container's disk is one): it is made in memory and copied.
INSTALL = """set -eu
root=$1 layer=$2
shift 2
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o "lowerdir=$root,upperdir=/mnt/upper,workdir=/mnt/work" overlay /mnt/root
mount -t tmpfs tmpfs /mnt/root/tmp
mount -t proc proc /mnt/root/proc
mount --rbind /dev /mnt/root/dev
cp -- "$@" /mnt/root/tmp
cd /mnt/root
chroot . /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive /bin/sh -c 'dpkg --install /tmp/*.deb'
cp -a /mnt/upper/. "$layer"
"""


def install(debs, debian_root, layer):
    """Installs packages over the root, like dpkg without a running systemd; the changes go to the folder `layer`."""
    done = subprocess.run(["unshare", "--mount", "/bin/sh", "-c", INSTALL, "install", debian_root, layer, *debs], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise BuildFailed("the packages could not be installed:\n" + done.stdout)
