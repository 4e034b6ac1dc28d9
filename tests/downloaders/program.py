"""A real downloader, started on loopback in a folder of its own, and told what to do as a person would."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import ports
from cloudgather.core.downloader import DownloaderSpec, Kind
from downloaders.seeder import Torrent
from waiting import eventually_sync

USER, PASSWORD = "admin", "not-so-secret"
PATIENCE = 60.0
_STARTS = 5  # somebody else may ask for the same port by its number
_PORT_IS_TAKEN = b"Unable to bind"


class Program:
    """As a context it is running. `peers` is the port at which it can be called by a seeder."""

    kind: ClassVar[Kind]
    program: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.downloads = folder / "downloads"
        self.port = self.peers = 0
        self.url = ""
        self.secret = folder / "secret"
        self.downloads.mkdir(parents=True, exist_ok=True)
        self.secret.write_text(PASSWORD + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self._held = contextlib.ExitStack()  # its ports: aria2 takes the one for peers with its first torrent only

    @classmethod
    def is_there(cls) -> bool:
        """Whether it is installed."""
        return shutil.which(cls.program) is not None

    def __enter__(self) -> Self:
        try:
            for _ in range(_STARTS):
                self._held.close()
                self.port, self.peers = (self._held.enter_context(kept_port()) for _ in range(2))
                if self._starts():
                    return self
            raise AssertionError(f"{self.program} does not start: {self.said()}")
        except BaseException:
            self._ends()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ends()

    def _ends(self) -> None:
        self.kill()
        self._held.close()

    def _starts(self) -> bool:
        with open(self.folder / "log", "ab") as log:
            begin = os.fstat(log.fileno()).st_size
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, env=self._environ()
            )
        process = self._process

        def has_ended() -> bool:
            if _PORT_IS_TAKEN in (self.folder / "log").read_bytes()[begin:]:
                self.kill()  # qBittorrent stays, and listens nowhere
            return process.poll() is not None

        eventually_sync(lambda: has_ended() or self._answers(), within=PATIENCE, what=self.program)
        return process.poll() is None

    def again(self) -> None:
        """Start it once more, at the same ports, after a kill."""
        eventually_sync(self._starts, within=PATIENCE, what=f"{self.program} again")

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE)

    def said(self) -> str:
        """What it wrote."""
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def spec(self, **changes: Any) -> DownloaderSpec:
        """As it would be configured."""
        raise NotImplementedError

    def table(self, name: str = "dl", more: str = "") -> str:
        """The same as a table of cloudgather.toml."""
        raise NotImplementedError

    def add(self, torrent: Torrent, folder: Path | None = None, *, wanted: Sequence[int] | None = None) -> None:
        """Download it, or only its files with these numbers (from 0)."""
        raise NotImplementedError

    def has_all(self, torrent: Torrent) -> bool:
        """Whether it says now that every byte that is wanted has come."""
        raise NotImplementedError

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _environ(self) -> dict[str, str]:
        return {**os.environ, "HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / "config")}


@contextlib.contextmanager
def kept_port() -> Iterator[int]:
    """A port that until the block ends is given to nobody but who asks for it by its number, again and again."""
    with socket.socket() as kept:
        port = ports.bind(kept)
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # from now on another may listen there as well
        yield port


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody listens at, nor can until the block ends."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
