"""The main job end to end: a file is written slowly, held while it is, uploaded to a mounted drive, and compared."""

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeVar

from cloudgather.core.mounts import mount_of, parse_mountinfo

T = TypeVar("T")

BIN: Final = Path(sys.executable).parent
PIECES: Final = 12  # of the file, one every half second
PIECE: Final = 512 * 1024


class Wrong(Exception):
    """Something that the demonstration is there to show did not hold."""


def say(text: str) -> None:
    """One step of the story."""
    print(f"\n\033[1m--\033[0m {text}" if sys.stdout.isatty() else f"\n-- {text}", flush=True)


def show(text: str) -> None:
    """Output of a command, set off from the story."""
    print(textwrap.indent(text.rstrip("\n"), "   | ", lambda line: True), flush=True)


def until(what: str, seconds: float, found: Callable[[], T | None]) -> T:
    """Ask `found` again and again until it answers with something."""
    end = time.monotonic() + seconds
    while (answer := found()) is None:
        if time.monotonic() > end:
            raise Wrong(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.1)
    return answer


def ended(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Ask a process to stop, and kill it if it does not; its exit code."""
    process.terminate()
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def download(path: str) -> None:
    """What a downloader does, in a process of its own: keep the file open and write to it in bursts."""
    with open(path, "wb", buffering=0) as file:
        for _ in range(PIECES):
            file.write(os.urandom(PIECE))
            time.sleep(0.5)


def scratch() -> Path:
    """A folder on a file system where the kernel tells who writes a file (not an overlay, if there is a choice)."""
    places = [tempfile.gettempdir(), "/dev/shm", "/var/tmp"]
    usable = [place for place in places if os.access(place, os.W_OK | os.X_OK)]
    mounts = parse_mountinfo(Path("/proc/self/mountinfo").read_bytes())
    for place in usable:
        mount = mount_of(os.fsencode(os.path.realpath(place)), mounts)
        if mount is not None and mount.tells_writers:
            return Path(tempfile.mkdtemp(prefix="cloudgather-demo-", dir=place))
    return Path(tempfile.mkdtemp(prefix="cloudgather-demo-", dir=usable[0]))


@contextlib.contextmanager
def a_cloud_drive(backing: Path, mount_point: Path, log: Path) -> Iterator[bool]:
    """rclone mounts `backing` on `mount_point`; answers whether it could, and unmounts it at the end in any case."""
    if not os.path.exists("/dev/fuse") or not shutil.which("rclone") or not shutil.which("fusermount3"):
        yield False
        return
    command = [
        "rclone",
        "mount",
        str(backing),
        str(mount_point),
        "--config=",
        "--dir-cache-time=1s",
        "--log-level=INFO",
    ]
    with log.open("wb") as output:
        rclone = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        end = time.monotonic() + 10
        while not os.path.ismount(mount_point) and rclone.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        if not os.path.ismount(mount_point):
            show(log.read_text(errors="replace"))
        yield os.path.ismount(mount_point)
    finally:
        for lazily in ([], ["-z"]):
            if os.path.ismount(mount_point):
                subprocess.run(["fusermount3", "-u", *lazily, str(mount_point)], capture_output=True, check=False)
        ended(rclone, 5)


@contextlib.contextmanager
def a_daemon(config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """cloudgatherd in the foreground, as a child of this process; killed at the end if it still runs."""
    with log.open("wb") as output:
        daemon = subprocess.Popen(
            [BIN / "cloudgatherd", "--config", config], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield daemon
    finally:
        if daemon.poll() is None:
            ended(daemon, 10)


def write_configuration(top: Path, *, is_mount: bool) -> Path:
    """A daemon that lives in `top` altogether, and one task."""
    (top / "tasks.d").mkdir()
    (top / "tasks.d" / "电影.toml").write_text(
        textwrap.dedent(f"""\
            source = "{top}/downloads"
            target = "cloud:影视库/电影"
            settle = "3s"
            """),
        encoding="utf-8",
    )
    config = top / "cloudgather.toml"
    config.write_text(
        textwrap.dedent(f"""\
            [daemon]
            state_dir = "{top}/state"
            tasks_dir = "{top}/tasks.d"
            log_dir = "{top}/logs"
            [control]
            socket = "{top}/control.sock"
            [targets.cloud]
            root = "{top}/mount"
            kind = "{"mount" if is_mount else "directory"}"
            """),
        encoding="utf-8",
    )
    return config


class Client:
    """cgctl, as somebody would type it."""

    def __init__(self, socket: Path) -> None:
        self._environ = {**os.environ, "CLOUDGATHER_SOCKET": str(socket), "PYTHONIOENCODING": "utf-8"}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it; its exit code is for the caller to judge."""
        return subprocess.run(
            [BIN / "cgctl", *arguments], env=self._environ, capture_output=True, text=True, check=False, timeout=30
        )

    def show(self, *arguments: str) -> None:
        """Run it and show what it says, as in a terminal."""
        print(f"   $ cgctl {shlex.join(arguments)}", flush=True)
        done = self.run(*arguments)
        show(done.stdout + done.stderr)
        if done.returncode != 0:
            raise Wrong(f"cgctl {arguments[0]} exited {done.returncode}")

    def why(self, path: Path) -> Mapping[str, Any]:
        """The grounds of `cgctl why`, as data."""
        done = self.run("why", "--json", str(path))
        if done.returncode != 0:
            raise Wrong(f"cgctl why exited {done.returncode}: {done.stderr.strip()}")
        found: Mapping[str, Any] = json.loads(done.stdout)
        return found


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tell(top: Path) -> None:
    """The whole story; raises Wrong where it takes a wrong turn."""
    for name in ("downloads", "cloud", "mount"):
        (top / name).mkdir()
    film = top / "downloads" / "A Film (2026).mkv"
    with a_cloud_drive(top / "cloud", top / "mount", top / "rclone.log") as is_mount:
        if is_mount:
            say("a cloud drive: rclone mounts a local folder with FUSE")
            show(next(line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(top) in line))
        else:
            say("FUSE or rclone is missing or not to be used here: a plain folder stands for the cloud drive")
        stored = top / ("cloud" if is_mount else "mount") / "影视库" / "电影"
        with a_daemon(write_configuration(top, is_mount=is_mount), top / "daemon.log") as daemon:
            tell_of_upload(top, film, stored / film.name, daemon)
            say("the daemon is asked to stop")
            code = ended(daemon, 20)
            print(f"   exit code {code}")
            if code != 0:
                raise Wrong(f"the daemon ended with exit code {code}")
    if list((top / "mount").iterdir()) and is_mount:
        raise Wrong("something was written below the mount point, beside the mount")


def tell_of_upload(top: Path, film: Path, stored: Path, daemon: subprocess.Popen[bytes]) -> None:
    """From the first byte of a download to the same bytes in the cloud."""
    client = Client(top / "control.sock")
    until("the daemon", 20, lambda: answers(client, daemon))

    say(f"a downloader writes {film.name} in bursts, {PIECES * PIECE // 2**20} MiB within {PIECES // 2} s")
    downloader = subprocess.Popen([sys.executable, __file__, "--download", str(film)])
    try:
        until("the daemon to see the file", 5, lambda: waiting(client.why(film)) if film.exists() else None)
        client.show("why", str(film))
        while downloader.poll() is None:
            if stored.exists():
                raise Wrong("it was uploaded while it was written")
            time.sleep(0.1)
    finally:
        downloader.kill()
        downloader.wait()
    if stored.exists():
        raise Wrong("it was uploaded before it was quiet")

    say("the download is finished; nobody tells the daemon, which waits until it is sure")
    until("the upload", 180, lambda: uploaded(client.why(film)))
    client.show("why", str(film))
    client.show("status")

    say("the same bytes?")
    until("the file in the cloud", 10, lambda: True if stored.exists() else None)
    sums = [digest(film), digest(stored)]
    for path, sum_ in zip((film, stored), sums, strict=True):
        print(f"   {sum_[:32]}…  {path.relative_to(top)}")
    if sums[0] != sums[1]:
        raise Wrong("the bytes differ")
    others = sorted(path.name for path in stored.parent.iterdir() if path != stored)
    if others:
        raise Wrong(f"something was left beside it: {others}")


def answers(client: Client, daemon: subprocess.Popen[bytes]) -> bool | None:
    """True once the daemon does; one that has ended never will."""
    if daemon.poll() is not None:
        raise Wrong(f"the daemon ended at once, with exit code {daemon.returncode}")
    return True if client.run("status", "--json").returncode == 0 else None


def waiting(answer: Mapping[str, Any]) -> bool | None:
    """True once `why` names a condition that is not met; an upload by now would be wrong."""
    if answer["verdict"] in ("uploaded", "copying", "publishing"):
        raise Wrong(f"while it is written, why says {answer['verdict']}")
    conditions = (answer.get("settle") or {}).get("conditions") or []
    return True if any(str(condition["code"]).startswith("wait.") for condition in conditions) else None


def uploaded(answer: Mapping[str, Any]) -> bool | None:
    """True once it is uploaded; a failure will not turn into that."""
    if answer["verdict"] in ("failed", "skipped", "cancelled"):
        raise Wrong(f"why says {answer['verdict']}: {answer['reasons']}")
    return True if answer["verdict"] == "uploaded" else None


def stopped(number: int, frame: FrameType | None) -> None:
    """A signal ends the story, and all that was started is cleaned up."""
    raise Wrong(f"stopped by {signal.Signals(number).name}")


def main() -> int:
    """0 if all held, 1 if not."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stopped)
    began = time.monotonic()
    top = scratch()
    try:
        tell(top)
    except (Wrong, OSError, subprocess.SubprocessError) as error:
        say(f"WRONG: {error}")
        for log in (top / "daemon.log", top / "rclone.log"):
            if log.exists():
                print(f"   the end of {log.name}:")
                show("\n".join(log.read_text(errors="replace").splitlines()[-30:]))
        return 1
    finally:
        if os.path.ismount(top / "mount"):
            print(f"   {top}/mount could not be unmounted; {top} is left as it is")
        else:
            shutil.rmtree(top)
    say(f"all held, in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--download"]:
        download(sys.argv[2])
    else:
        sys.exit(main())
