"""qBittorrent, as a program of the tests."""

import base64
import hashlib
import json
import os
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cloudgather.core.downloader import DownloaderSpec, Kind
from downloaders.program import PASSWORD, PATIENCE, USER, Program
from downloaders.roots import within
from downloaders.seeder import Torrent
from waiting import eventually_sync

_A_MOMENT = 5.0  # for an answer while it starts: who listens there may be somebody else


class QBittorrentNox(Program):
    """qbittorrent-nox with its defaults: no suffix, no temporary path."""

    kind = Kind.QBITTORRENT
    program = "qbittorrent-nox"

    def __init__(
        self,
        folder: Path,
        *,
        session: Mapping[str, str] | None = None,
        webui: Mapping[str, str] | None = None,
        root: Path | None = None,
    ) -> None:
        """`session` and `webui` are settings of its file, without those words before them."""
        super().__init__(folder)
        self.root = root  # of another release of Debian
        self._settings = session or {}
        self._webui = webui or {}
        self._cookie = ""

    def _command(self) -> list[str]:
        salt = b"0123456789abcdef"
        hashed = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, 100_000)
        stored = f"{base64.b64encode(salt).decode()}:{base64.b64encode(hashed).decode()}"
        session = {
            "DefaultSavePath": str(self.downloads),
            "Port": str(self.peers),
            "DHTEnabled": "false",
            "LSDEnabled": "false",
            "PeXEnabled": "false",
            "QueueingSystemEnabled": "false",
            **self._settings,
        }
        preferences = {
            "Address": "127.0.0.1",
            "Port": str(self.port),
            "Username": USER,
            "Password_PBKDF2": f'"@ByteArray({stored})"',
            "UseUPnP": "false",
            **self._webui,
        }
        file = self.folder / "profile" / "qBittorrent" / "config" / "qBittorrent.conf"
        if not file.exists() or f"Port={self.port}" not in file.read_text():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(
                "[LegalNotice]\nAccepted=true\n[BitTorrent]\n"
                + "".join(f"Session\\{key}={value}\n" for key, value in session.items())
                + "[Preferences]\n"
                + "".join(f"WebUI\\{key}={value}\n" for key, value in preferences.items())
            )
        self.url = f"http://127.0.0.1:{self.port}"
        return within(self.root, [self.program, f"--profile={self.folder / 'profile'}"])

    def _answers(self) -> bool:
        self._cookie = ""
        try:
            self.ask("app/version", patience=_A_MOMENT)
        except OSError:
            return False
        return True

    def ask(
        self,
        path: str,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
        *,
        patience: float = PATIENCE,
    ) -> bytes:
        """Call its interface, logged in."""
        if not self._cookie and path != "auth/login":
            self.ask("auth/login", {"username": USER, "password": PASSWORD}, patience=patience)
        data, headers = None, {"Cookie": self._cookie}
        if files is not None:
            data, headers["Content-Type"] = _multipart(form or {}, files)
        elif form is not None:
            data = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/api/v2/{path}", data, headers), timeout=patience
        ) as answer:
            if (cookie := answer.headers.get("Set-Cookie")) is not None and not self._cookie:
                self._cookie = cookie.split(";")[0]
            body: bytes = answer.read()
            return body

    def spec(self, **changes: Any) -> DownloaderSpec:
        """As it would be configured."""
        given = {"username": USER, "password_file": os.fsencode(self.secret), **changes}
        return DownloaderSpec(name="dl", kind=self.kind, url=self.url, **given)

    def table(self, name: str = "dl", more: str = "") -> str:
        """The same as a table of cloudgather.toml."""
        return (
            f'[downloaders.{name}]\nkind = "qbittorrent"\nurl = "{self.url}"\nusername = "{USER}"\n'
            f'password_file = "{self.secret}"\n{more}\n'
        )

    def add(self, torrent: Torrent, folder: Path | None = None, *, wanted: Sequence[int] | None = None) -> None:
        """Download it, or only its files with these numbers (from 0)."""
        form = {
            "autoTMM": "false",
            "paused": str(wanted is not None).lower(),
            "stopped": str(wanted is not None).lower(),
        }
        if folder is not None:
            form["savepath"] = str(folder)
        said = self.ask("torrents/add", form, {"torrents": torrent.content})
        assert b"Fails" not in said, said
        hash = {"hashes": torrent.infohash}
        eventually_sync(lambda: json.loads(self.ask(f"torrents/info?{urllib.parse.urlencode(hash)}")), within=PATIENCE)
        if wanted is not None:
            unwanted = "|".join(str(number) for number in range(len(torrent.files)) if number not in wanted)
            self.ask("torrents/filePrio", {"hash": torrent.infohash, "id": unwanted, "priority": "0"})
            self.ask(f"torrents/{'start' if self.api >= (2, 11) else 'resume'}", hash)

    @property
    def api(self) -> tuple[int, ...]:
        """The version of its interface."""
        return tuple(map(int, self.ask("app/webapiVersion").split(b".")))

    def has_all(self, torrent: Torrent) -> bool:
        """Whether it says now that every byte that is wanted has come."""
        (known,) = json.loads(self.ask(f"torrents/info?hashes={torrent.infohash}"))
        return int(known["amount_left"]) == 0


def _multipart(form: Mapping[str, str], files: Mapping[str, bytes]) -> tuple[bytes, str]:
    mark = "----------cloudgather-tests"
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{form[key]}\r\n'.encode() for key in form
    ]
    for name, content in files.items():
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        parts.append(f"{head}Content-Type: application/x-bittorrent\r\n\r\n".encode() + content + b"\r\n")
    return b"".join([*parts, f"--{mark}--\r\n".encode()]), f"multipart/form-data; boundary={mark}"
