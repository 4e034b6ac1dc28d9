"""Transmission, as a program of the tests."""

import base64
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cloudgather.core.downloader import DownloaderSpec, Kind
from downloaders.program import PASSWORD, PATIENCE, USER, Program
from downloaders.seeder import Torrent


class TransmissionDaemon(Program):
    """transmission-daemon with its defaults, but for `settings`."""

    kind = Kind.TRANSMISSION
    program = "transmission-daemon"

    def __init__(self, folder: Path, *, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(folder)
        self._settings = settings or {}

    def _command(self) -> list[str]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        settings = {
            "rpc-bind-address": "127.0.0.1",
            "rpc-port": self.port,
            "rpc-authentication-required": True,
            "rpc-username": USER,
            "rpc-password": PASSWORD,
            "peer-port": self.peers,
            "download-dir": str(self.downloads),
            "dht-enabled": False,
            "lpd-enabled": False,
            "pex-enabled": False,
            "utp-enabled": False,
            "port-forwarding-enabled": False,
            **self._settings,
        }
        if not (home / "settings.json").exists() or self.url != f"http://127.0.0.1:{self.port}/transmission/rpc":
            (home / "settings.json").write_text(json.dumps(settings))
        self.url = f"http://127.0.0.1:{self.port}/transmission/rpc"
        self._session = ""
        return [self.program, "--foreground", "--config-dir", str(home)]

    def _answers(self) -> bool:
        try:
            self.ask("session-get")
        except OSError:
            return False
        return True

    def ask(self, method: str, **arguments: Any) -> Any:
        """Call its interface, logged in."""
        body = json.dumps({"method": method, "arguments": arguments}).encode()
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        while True:
            headers = {"Authorization": f"Basic {login}", "X-Transmission-Session-Id": self._session}
            try:
                with urllib.request.urlopen(
                    urllib.request.Request(self.url, body, headers), timeout=PATIENCE
                ) as answer:
                    read = json.load(answer)
            except urllib.error.HTTPError as error:
                with error:
                    if error.code != 409 or self._session == error.headers["X-Transmission-Session-Id"]:
                        raise
                    self._session = error.headers["X-Transmission-Session-Id"]
                continue
            assert read["result"] == "success", read
            return read["arguments"]

    def spec(self, **changes: Any) -> DownloaderSpec:
        """As it would be configured."""
        given = {"username": USER, "password_file": os.fsencode(self.secret), **changes}
        return DownloaderSpec(name="dl", kind=self.kind, url=self.url, **given)

    def table(self, name: str = "dl", more: str = "") -> str:
        """The same as a table of cloudgather.toml."""
        return (
            f'[downloaders.{name}]\nkind = "transmission"\nurl = "{self.url}"\nusername = "{USER}"\n'
            f'password_file = "{self.secret}"\n{more}\n'
        )

    def add(self, torrent: Torrent, folder: Path | None = None, *, wanted: Sequence[int] | None = None) -> None:
        """Download it, or only its files with these numbers (from 0)."""
        more = {}
        if wanted is not None:
            more["files-unwanted"] = [number for number in range(len(torrent.files)) if number not in wanted]
        content = base64.b64encode(torrent.content).decode()
        self.ask("torrent-add", metainfo=content, **{"download-dir": str(folder or self.downloads)}, **more)

    def has_all(self, torrent: Torrent) -> bool:
        """Whether it says now that every byte that is wanted has come."""
        (known,) = self.ask("torrent-get", ids=[torrent.infohash], fields=["leftUntilDone"])["torrents"]
        return int(known["leftUntilDone"]) == 0
