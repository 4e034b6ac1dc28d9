"""A machine with a systemd of its own: booted by systemd-nspawn on an overlay of this one's files, gone afterwards."""

import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from waiting import eventually_sync

_CHECKOUT: Final = Path(__file__).parents[2]
_PASSED_ON: Final = ("PIP_", "SSL_CERT_", "REQUESTS_CA_BUNDLE")  # what pip needs to reach its index
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@functools.cache
def why_no_machine() -> str | None:
    """What is missing for booting one here; None when it was tried, and came up."""
    if os.geteuid() != 0:
        return "only root boots a machine"
    for program in ("systemd-nspawn", "nsenter", "mount"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    try:
        with Machine():
            return None
    except (AssertionError, OSError, subprocess.CalledProcessError) as error:
        return f"systemd does not come up in systemd-nspawn here: {error}"


class Machine:
    """Enter it to boot, leave it to switch it off. The checkout is copied to /root/cloudgather.

    It sees the files of `beneath`, this machine's own by default; writes go to memory. None of this machine's services
    run in it.
    """

    checkout: Final = "/root/cloudgather"

    def __init__(self, beneath: Path = Path("/")) -> None:
        self._beneath = beneath
        self._folder = Path()
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def __enter__(self) -> "Machine":
        self._folder = Path(tempfile.mkdtemp(prefix="cloudgather-machine-", dir="/var/tmp"))
        try:
            self._mount()
            self._boot()
        except BaseException:
            self._off()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._off()

    # ---- what a test does with it ------------------------------------------------------------------------------------

    def run(
        self, *command: str, user: str | None = None, check: bool = True, given: bytes = b"", within: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run it there, as root or as `user` with the groups that one has; `check`: an exit code of 0 is asserted."""
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"] if user else []
        outside = {key: value for key, value in os.environ.items() if key.startswith(_PASSED_ON)}
        inside = {"PATH": _PATH, "HOME": f"/home/{user}" if user else "/root", "LANG": "C.UTF-8", "TERM": "dumb"}
        ended = subprocess.run(
            ["nsenter", "--target", str(self._leader), "--all", "--wdns=/", "--", *as_user, *command],
            env={**outside, **inside},
            input=given,
            capture_output=True,
            timeout=within,
            check=False,
        )
        output, errors = (each.decode(errors="backslashreplace") for each in (ended.stdout, ended.stderr))
        if check and ended.returncode != 0:
            raise AssertionError(f"{command}: exit {ended.returncode}\n{output}\n{errors}\n{self._journal()}")
        return subprocess.CompletedProcess(ended.args, ended.returncode, output, errors)

    def says(self, *command: str) -> str:
        """What it prints, without the line's end."""
        return self.run(*command).stdout.rstrip("\n")

    def write(self, path: str, content: str | bytes, *, user: str | None = None) -> None:
        """Write a file there, through the machine's own mounts."""
        given = content.encode() if isinstance(content, str) else content
        self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1"', "-", path, user=user, given=given)

    def until(self, *command: str, says: str, within: float = 90.0) -> None:
        """Run it again and again until its output contains that."""
        last = ""

        def said() -> bool:
            nonlocal last
            ended = self.run(*command, check=False)
            last = ended.stdout + ended.stderr
            return says in last

        try:
            eventually_sync(said, within=within, what=f"{command} to say {says!r}")
        except AssertionError as late:
            raise AssertionError(f"{late}; it says {last!r}\n{self._journal()}") from None

    def _journal(self) -> str:
        return self.run("journalctl", "--no-pager", "-n", "60", "-o", "short-monotonic", check=False).stdout

    def show(self, unit: str, key: str) -> str:
        """A property of a unit."""
        return self.says("systemctl", "show", "-P", key, unit)

    # ---- on and off --------------------------------------------------------------------------------------------------

    def _mount(self) -> None:
        folder = self._folder
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4g,mode=0755", "machine", folder], check=True)
        for name in ("written", "work", "root"):
            (folder / name).mkdir()
        layers = f"lowerdir={self._beneath},upperdir={folder}/written,workdir={folder}/work"
        subprocess.run(["mount", "-t", "overlay", "-o", layers, "machine", folder / "root"], check=True)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=_CHECKOUT,
            check=True,
            capture_output=True,
        ).stdout
        there = folder / "root" / self.checkout.lstrip("/")
        for name in map(os.fsdecode, filter(None, listed.split(b"\0"))):
            (there / name).parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # it has just been deleted
                shutil.copy2(_CHECKOUT / name, there / name)

    def _boot(self) -> None:
        with open(self._folder / "console", "wb") as console:
            self._nspawn = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        eventually_sync(self._is_up, within=120, what="systemd to come up")
        self.run("mknod", "-m", "666", "/dev/fuse", "c", "10", "229")

    def _command(self) -> list[str]:
        return [
            *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe"),
            *(f"--machine=cloudgather-{os.getpid()}", f"--directory={self._folder}/root"),
            *("--resolv-conf=off", "--timezone=off", "--link-journal=no"),
            "systemd.unit=basic.target",
        ]

    def _is_up(self) -> bool:
        assert self._nspawn is not None
        assert self._nspawn.poll() is None, (self._folder / "console").read_text(errors="replace")
        children = _children(self._nspawn.pid)
        for pid in children:
            # The first of them ends when it has made the one that becomes systemd.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/comm") as file:
                if file.read().strip() == "systemd":
                    self._leader = pid
        if not self._leader:
            return False
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    def _off(self) -> None:
        if self._nspawn is not None:
            if self._leader and self._nspawn.poll() is None:
                self.run("systemctl", "--force", "--force", "poweroff", check=False)
            try:
                self._nspawn.wait(20)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait(20)
        for place in (self._folder / "root", self._folder):
            subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
        shutil.rmtree(self._folder, ignore_errors=True)


def _children(pid: int) -> Sequence[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found
