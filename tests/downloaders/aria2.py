"""aria2, as a program of the tests."""

import base64
import json
import os
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cloudgather.core.downloader import DownloaderSpec, Kind
from downloaders.program import PASSWORD, PATIENCE, Program
from downloaders.seeder import Torrent


class Aria2c(Program):
    """aria2c that seeds for ever."""

    kind = Kind.ARIA2
    program = "aria2c"

    def __init__(self, folder: Path, *, file_allocation: str = "prealloc", saves_every: int = 1) -> None:
        """`saves_every`: so many seconds lie between two copies of what it has, which is all that a kill leaves."""
        super().__init__(folder)
        self._file_allocation = file_allocation
        self._saves_every = saves_every
        (folder / "session").touch()

    def _command(self) -> list[str]:
        self.url = f"http://127.0.0.1:{self.port}/jsonrpc"
        return [
            self.program, "--no-conf", "--enable-rpc", f"--rpc-listen-port={self.port}", f"--rpc-secret={PASSWORD}",
            f"--listen-port={self.peers}", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false",
            f"--dir={self.downloads}", "--seed-ratio=0.0", f"--file-allocation={self._file_allocation}",
            f"--input-file={self.folder / 'session'}", f"--save-session={self.folder / 'session'}",
            f"--save-session-interval={self._saves_every}", "--summary-interval=0",
            "--rpc-save-upload-metadata=false", "--enable-color=false",
        ]  # fmt: skip

    def _answers(self) -> bool:
        try:
            self.ask("getVersion")
        except OSError:
            return False
        return True

    def ask(self, method: str, *params: Any) -> Any:
        """Call its interface with the secret."""
        call = {"jsonrpc": "2.0", "id": "t", "method": f"aria2.{method}", "params": [f"token:{PASSWORD}", *params]}
        request = urllib.request.Request(self.url, json.dumps(call).encode())
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)["result"]

    def listed(self) -> list[Any]:
        """All that it has, whatever has become of it."""
        lists = (self.ask("tellActive"), self.ask("tellWaiting", 0, 1000), self.ask("tellStopped", 0, 1000))
        return [each for some in lists for each in some]

    def spec(self, **changes: Any) -> DownloaderSpec:
        """As it would be configured."""
        given = {"secret_file": os.fsencode(self.secret), **changes}
        return DownloaderSpec(name="dl", kind=self.kind, url=self.url, **given)

    def table(self, name: str = "dl", more: str = "") -> str:
        """The same as a table of cloudgather.toml."""
        return f'[downloaders.{name}]\nkind = "aria2"\nurl = "{self.url}"\nsecret_file = "{self.secret}"\n{more}\n'

    def add(self, torrent: Torrent, folder: Path | None = None, *, wanted: Sequence[int] | None = None) -> None:
        """Download it, or only its files with these numbers (from 0)."""
        options = {"dir": str(folder or self.downloads)}
        if wanted is not None:
            options["select-file"] = ",".join(str(number + 1) for number in wanted)
        self.ask("addTorrent", base64.b64encode(torrent.content).decode(), [], options)

    def has_all(self, torrent: Torrent) -> bool:
        """Whether it says now that every byte that is wanted has come."""
        files = [
            file
            for download in [*self.ask("tellActive"), *self.ask("tellStopped", -1, 1000)]
            if download.get("infoHash") == torrent.infohash
            for file in download["files"]
            if file["selected"] == "true"
        ]
        return bool(files) and all(file["completedLength"] == file["length"] for file in files)
