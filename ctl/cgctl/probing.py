"""Finds out which downloader answers on a port of this machine, by what only that one says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Final

USUAL: Final = {8080: "qbittorrent", 6800: "aria2", 9091: "transmission"}
NAMES: Final = {"qbittorrent": "qBittorrent", "aria2": "aria2", "transmission": "Transmission"}
_PATIENCE: Final = 1.0  # seconds for each question; loopback answers in a millisecond
_MOST: Final = 1 << 16
_ASK_ARIA2: Final = b'{"jsonrpc":"2.0","id":"cloudgather","method":"aria2.getVersion"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloader:
    """One that answers. `locked`: it wants a password, or a secret."""

    kind: str  # qbittorrent, aria2, transmission
    host: str
    port: int
    locked: bool

    @property
    def name(self) -> str:
        """As its makers write it."""
        return NAMES[self.kind]


def downloaders(
    host: str = "127.0.0.1", ports: Mapping[int, str] = USUAL, *, patience: float = _PATIENCE
) -> Iterator[Downloader]:
    """Those that answer on these ports, each asked as the kind that is usual there; nothing is logged in to."""
    for port, kind in ports.items():
        if (found := probe(kind, host, port, patience=patience)) is not None:
            yield found


def probe(kind: str, host: str, port: int, *, patience: float = _PATIENCE) -> Downloader | None:
    """Whether a downloader of that kind answers there; None for anything else, and for silence."""
    try:
        locked = {"qbittorrent": _qbittorrent, "aria2": _aria2, "transmission": _transmission}[kind](
            _Asking(host, port, patience)
        )
    except (OSError, HTTPException, UnicodeError):
        return None
    return None if locked is None else Downloader(kind=kind, host=host, port=port, locked=locked)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Asking:
    host: str
    port: int
    patience: float

    def __call__(self, method: str, path: str, body: bytes | None = None) -> _Answer:
        connection = HTTPConnection(self.host, self.port, timeout=self.patience)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return _Answer(response.status, headers, response.read(_MOST))
        finally:
            connection.close()


def _qbittorrent(ask: _Asking) -> bool | None:
    version = ask("GET", "/api/v2/app/version")
    if version.status == 200 and version.body[:1] == b"v" and version.body[1:2].isdigit():
        return False
    # Without a session: 403, or 401 where it refuses the name that it is called by. Its own page says who it is.
    if version.status in (401, 403) and b"qbittorrent" in ask("GET", "/").body.lower():
        return True
    return None


def _aria2(ask: _Asking) -> bool | None:
    answer = ask("POST", "/jsonrpc", _ASK_ARIA2).body
    if b'"jsonrpc"' not in answer:
        return None
    if b'"enabledFeatures"' in answer:
        return False
    return True if b'"Unauthorized"' in answer else None


def _transmission(ask: _Asking) -> bool | None:
    answer = ask("GET", "/transmission/rpc")
    if answer.status == 409 and "x-transmission-session-id" in answer.headers:
        return False
    if answer.status == 401 and "transmission" in answer.headers.get("www-authenticate", "").lower():
        return True
    return None
