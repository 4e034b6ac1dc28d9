"""The real downloaders, each started on loopback in a folder of its own, and told what to do as a person would."""

import base64
import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from cloudgather.core.downloader import DownloaderSpec, Kind
from downloaders.roots import within
from downloaders.seeder import Torrent
from waiting import eventually_sync

USER, PASSWORD = "admin", "not-so-secret"
_STARTS = 5  # somebody else may ask for the same port by its number
_PATIENCE = 60.0
_A_MOMENT = 5.0  # for an answer while it starts: who listens there may be somebody else
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

        eventually_sync(lambda: has_ended() or self._answers(), within=_PATIENCE, what=self.program)
        return process.poll() is None

    def again(self) -> None:
        """Start it once more, at the same ports, after a kill."""
        eventually_sync(self._starts, within=_PATIENCE, what=f"{self.program} again")

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(_PATIENCE)

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
        patience: float = _PATIENCE,
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
        eventually_sync(lambda: json.loads(self.ask(f"torrents/info?{urllib.parse.urlencode(hash)}")), within=_PATIENCE)
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
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
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
                    urllib.request.Request(self.url, body, headers), timeout=_PATIENCE
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


PROGRAMS: dict[str, type[Program]] = {
    "qbittorrent": QBittorrentNox,
    "aria2": Aria2c,
    "transmission": TransmissionDaemon,
}


@contextlib.contextmanager
def kept_port() -> Iterator[int]:
    """A port that until the block ends is given to nobody but who asks for it by its number, again and again."""
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so that another may listen there as well
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody listens at, nor can until the block ends."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def _multipart(form: Mapping[str, str], files: Mapping[str, bytes]) -> tuple[bytes, str]:
    mark = "----------cloudgather-tests"
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{form[key]}\r\n'.encode() for key in form
    ]
    for name, content in files.items():
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        parts.append(f"{head}Content-Type: application/x-bittorrent\r\n\r\n".encode() + content + b"\r\n")
    return b"".join([*parts, f"--{mark}--\r\n".encode()]), f"multipart/form-data; boundary={mark}"
