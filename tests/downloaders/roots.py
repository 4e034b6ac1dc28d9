"""Other releases of Debian, for their qBittorrent: each is made in a folder when it is first asked for."""

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

RELEASES: Final = {"qbittorrent-5.1": "trixie", "qbittorrent-5.3": "forky"}
# As one more of the programs that a test is run with. A worker has a release to itself: it is made once, by the first
# of these tests, whose time that takes: two minutes, or as long as the mirror needs.
NEWER: Final = tuple(
    pytest.param(name, marks=[pytest.mark.full, pytest.mark.timeout(1200), pytest.mark.xdist_group(name)])
    for name in RELEASES
)
_SCRIPT: Final = "/usr/share/debootstrap/scripts/sid"  # the same for all of them; an older debootstrap has no newer one
_MIRROR: Final = "http://deb.debian.org/debian"


class Roots:
    """As a context: they are removed with it."""

    def __init__(self) -> None:
        self._folders = ExitStack()
        self._made: dict[str, Path] = {}

    def __enter__(self) -> "Roots":
        return self

    def __exit__(self, *_: object) -> None:
        self._folders.close()

    def root(self, release: str) -> Path:
        """The root of this release; skips where none can be made."""
        if (why := why_no_roots()) is not None:
            _give_up(why)
        if release not in self._made:
            folder = tempfile.TemporaryDirectory(prefix="cloudgather-roots-", dir="/var/tmp")
            root = Path(self._folders.enter_context(folder)) / release
            chosen = ("--variant=minbase", "--include=qbittorrent-nox")
            done = subprocess.run(
                # What it mounts in there ends with it, and is not in the way when the root is removed.
                ["unshare", "--mount", "--", "debootstrap", *chosen, release, root, _mirror(), _SCRIPT],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                _give_up(f"cannot make a root of {release}: {(done.stdout + done.stderr)[-2000:]}")
            self._made[release] = root
        return self._made[release]


@functools.cache
def why_no_roots() -> str | None:
    """What is missing for making and using one here."""
    if os.geteuid() != 0:
        return "only root makes the root of another release"
    missing = [name for name in ("debootstrap", "unshare", "mount") if shutil.which(name) is None]
    if missing or not os.path.exists(_SCRIPT):
        return f"not installed: {', '.join(missing or [_SCRIPT])}"
    if not os.path.islink("/lib"):
        return "/usr of this machine is no system of its own"
    return None


def within(root: Path | None, command: Sequence[str]) -> list[str]:
    """`command` with the programs and libraries of this root, and all other files as they are here.

    Its mount is seen by that process alone, and ends with it however it ends. The process is the one that is started.
    """
    if root is None:
        return list(command)
    entered = 'mount --bind "$1/usr" /usr && shift && exec "$@"'
    return ["unshare", "--mount", "--", "sh", "-c", entered, "sh", str(root), *command]


def _give_up(why: str) -> None:
    assert "CLOUDGATHER_MUST_BOOT" not in os.environ, why
    pytest.skip(why)


def _mirror() -> str:
    """Where this machine has its own Debian from."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Identifier: Packages"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    labelled = (line.partition(" ") for line in listed.splitlines())
    return next((address for label, _, address in labelled if label == "Debian"), _MIRROR)
