"""A container without its engine: a root of its own with what the image has, and its own mounts and processes."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from cgctl.connection import Connection, Refusal, Unreachable
from cgwire import daemon as daemon_wire
from cgwire.request import Request
from waiting import eventually_sync

CHECKOUT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = (CHECKOUT / "Dockerfile").read_text()
USER, GROUP = 64_101, 64_102
_IMAGE: Final = "/opt/cloudgather/container"
_WITHIN: Final = 60.0

# Docker's, unless cap_add or cap_drop say otherwise.
_BOUNDS: Final = (
    "-all,+chown,+dac_override,+fsetid,+fowner,+mknod,+net_raw,+setgid,+setuid,+setfcap,+setpcap,+net_bind_service,"
    "+sys_chroot,+kill,+audit_write"
)

# $1: an empty folder for the root, $2: one whose folders are the volumes, $3: programs that lie elsewhere than in /usr,
# $4: the entry point's folder, $5: lines of FROM TO PROPAGATION for what else is given to it; then the command.
_START: Final = f"""
set -e
root=$1 volumes=$2 programs=$3 image=$4 given=$5
shift 5
mount -t tmpfs -o mode=755 root "$root"
for each in bin sbin lib lib32 lib64 libx32 usr etc; do
  if [ -L "/$each" ]; then
    cp -a "/$each" "$root/$each"
  elif [ -d "/$each" ]; then
    mkdir "$root/$each"
    mount --rbind "/$each" "$root/$each"
  fi
done
for each in $programs; do
  mkdir -p "$root$each"
  mount --bind "$each" "$root$each"
done
mkdir -p "$root/dev" "$root/proc" "$root/run" "$root/tmp" "$root{_IMAGE}"
chmod 1777 "$root/tmp"
touch "$root/.dockerenv"
mount -t tmpfs -o mode=755 dev "$root/dev"
for each in null zero full random urandom tty; do
  [ -e "/dev/$each" ] || continue
  touch "$root/dev/$each"
  mount --bind "/dev/$each" "$root/dev/$each"
done
mount --bind "$image" "$root{_IMAGE}"
mount -t proc proc "$root/proc"
for each in "$volumes"/*; do
  mkdir -p "$root/${{each##*/}}"
  mount --bind "$each" "$root/${{each##*/}}"
done
mount --make-rprivate "$root"
printf '%s' "$given" | while read -r from to propagation; do
  mkdir -p "$root$to"
  mount --rbind "$from" "$root$to"
  mount "--make-$propagation" "$root$to"
done
exec chroot "$root" "$@"
"""


def _said(instruction: str) -> str:
    """What the last instruction of this name in the Dockerfile says."""
    return str(re.findall(rf"(?m)^{instruction} (.*)$", DOCKERFILE)[-1])


HEALTH: Final[Sequence[str]] = json.loads(_said("HEALTHCHECK").partition(" CMD ")[2])
COMMAND: Final[Sequence[str]] = json.loads(_said("CMD"))
# Without tini, so that the daemon itself is process 1, which is the harder case.
ENTRYPOINT: Final = json.loads(_said("ENTRYPOINT"))[-1]


def why_no_container() -> str | None:
    """What is missing for one here; None for nothing."""
    if os.geteuid() != 0:
        return "only root makes namespaces"
    for program in ("unshare", "nsenter", "setpriv", "chroot"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "setpriv", "--dump"], capture_output=True, check=False
    )
    if tried.returncode != 0:
        return tried.stderr.decode(errors="replace").strip() or "unshare fails"
    bounds = re.search(rb"(?m)^Capability bounding set:.*\blease\b", tried.stdout)
    return "this machine's root has no CAP_LEASE" if bounds is None else None


class Container:
    """Enter it to start it, leave it to stop it. `volumes` has what is given to it: config, downloads, target."""

    def __init__(
        self,
        folder: Path,
        command: Sequence[str] = COMMAND,
        *,
        capabilities: Sequence[str] = (),
        as_user: int | None = None,
        groups: Sequence[int] = (0,),
        given: Sequence[tuple[Path, str, str]] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`capabilities`: more than Docker's; `as_user`: started as this user and not as root, `groups`: and in these.

        `given`: more volumes, each with its path in there and its propagation (rprivate is Docker's default).
        """
        self.volumes = folder / "volumes"
        self.config = self.volumes / "config"
        self.downloads = self.volumes / "downloads"
        self.target = self.volumes / "target"
        self._root = folder / "root"
        self._log = folder / "log"
        self._command = command
        self._bounds = ",".join([_BOUNDS, *(f"+{each}" for each in capabilities)])
        self._as_user = as_user
        self._groups = ",".join(map(str, groups))
        self._given = "".join(f"{source} {target} {propagation}\n" for source, target, propagation in given)
        self._environ = {"PUID": str(USER), "PGID": str(GROUP), "LANG": "C.UTF-8", **(environ or {})}
        self._environ["PATH"] = f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        self._unshare: subprocess.Popen[bytes] | None = None
        for each in (self.config, self.downloads, self.target, self._root):
            each.mkdir(parents=True, exist_ok=True)
        os.chown(self.target, USER, GROUP)

    def __enter__(self) -> "Container":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._unshare is not None
        if self._unshare.poll() is None:
            # unshare's --kill-child is not enough: the kernel forgets it when the entry point becomes another user. The
            # end of a namespace's first process is the end of all that are in it.
            eventually_sync(self._begun, within=_WITHIN, what="the first process of the container")
            for pid in self._children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._unshare.wait(_WITHIN)
        if kind is not None:
            sys.stdout.write(self.said())

    def start(self) -> None:
        """Start it; it may end by itself."""
        programs = {str(CHECKOUT), sys.prefix, *([] if sys.base_prefix == "/usr" else [sys.base_prefix])}
        outside = [each for each in sorted(programs) if not any(each.startswith(f"{other}/") for other in programs)]
        unshare = ["unshare", "--mount", "--propagation=slave", "--pid", "--fork", "--kill-child=KILL", "--"]
        places = [str(self._root), str(self.volumes), " ".join(outside), str(CHECKOUT / "container"), self._given]
        bounds = ["setpriv", f"--bounding-set={self._bounds}", f"--groups={self._groups}", "--"]
        user = [] if self._as_user is None else ["setpriv", f"--reuid={self._as_user}", "--keep-groups", "--"]
        with open(self._log, "ab") as log:
            self._unshare = subprocess.Popen(
                [*unshare, "sh", "-c", _START, "sh", *places, *bounds, *user, ENTRYPOINT, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environ,
            )

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        assert self._unshare is not None
        return self._unshare.wait(_WITHIN)

    def stop(self) -> int:
        """As an engine does: SIGTERM to its first process; its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.ended()

    @property
    def pid(self) -> int:
        """Of its first process, as seen from outside."""
        (pid,) = self._children()
        return pid

    def _begun(self) -> bool:
        assert self._unshare is not None
        return bool(self._children()) or self._unshare.poll() is not None

    def _children(self) -> list[int]:
        assert self._unshare is not None
        try:
            with open(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children") as file:
                return [int(pid) for pid in file.read().split()]
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            return []

    def said(self) -> str:
        """What it wrote to its standard output and errors."""
        return self._log.read_text(errors="backslashreplace")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """As `docker exec` does: as root, in there."""
        return subprocess.run(
            ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--root", "--wd", "--", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self._environ,
            timeout=_WITHIN,
            check=False,
        )

    def ask(self, request: Request) -> Any:
        """The daemon's answer."""
        with Connection(b"/proc/%d/root/run/cloudgather/control.sock" % self.pid) as connection:
            return connection.call(request)

    def until_it_answers(self) -> None:
        """Until the daemon does; an AssertionError if the container ends."""

        def answers() -> bool:
            assert self._unshare is not None
            assert self._unshare.poll() is None, f"it ended with {self._unshare.returncode}:\n{self.said()}"
            try:
                self.ask(daemon_wire.Ping())
            except (Unreachable, Refusal, ValueError, OSError):
                return False
            return True

        eventually_sync(answers, within=_WITHIN, what="an answer of the daemon in the container")

    def status(self) -> dict[str, list[str]]:
        """/proc/PID/status of its first process, by key."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {key: value.split() for key, _, value in (line.partition(":") for line in lines)}
