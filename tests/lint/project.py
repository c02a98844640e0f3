# SPDX-License-Identifier: MIT
"""What the lint checks share: which files the project has, and how a finding is told."""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIP = 77  # ctest's exit status of a skipped test


def _walk():
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in (".git", "__pycache__") and not f.startswith("build")]
        for name in files:
            yield os.path.relpath(os.path.join(folder, name), ROOT)


def files(*suffixes, under=""):
    """The project's files as sorted paths relative to ROOT: what git tracks or would add, or everything where there is no git."""
    paths = None
    if os.path.exists(os.path.join(ROOT, ".git")):
        listing = subprocess.run(["git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        if listing.returncode == 0:
            paths = listing.stdout.decode().split("\0")
    if paths is None:
        paths = _walk()
    return sorted(p for p in paths
                  if p.startswith(under) and p.endswith(suffixes or ("",)) and os.path.isfile(os.path.join(ROOT, p)))


def read(path):
    """The file's text; bytes that are not UTF-8 become surrogates."""
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return stream.read()


def finish(what, findings):
    """Prints one line a finding and ends with ctest's answer."""
    for finding in findings:
        print(finding)
    if findings:
        sys.exit(f"{what}: {len(findings)} findings")
    print(f"{what}: no findings")
    sys.exit(0)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIP)
