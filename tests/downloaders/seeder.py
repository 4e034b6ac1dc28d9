"""A libtorrent seeder on loopback that has as much of a torrent as a test wants, and connects to whom it is told."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import libtorrent

PIECE = 16 << 10


@dataclass(frozen=True, kw_only=True)
class Torrent:
    """What was made: its file's content, and the files that are in it, by their path in the torrent's folder."""

    content: bytes
    infohash: str
    files: Mapping[str, bytes]


def padded(files: Mapping[str, bytes], *, piece: int = PIECE) -> dict[str, bytes]:
    """These, and pad files between them, so that each begins with a piece of its own (BEP 47)."""
    found: dict[str, bytes] = {}
    for path, content in files.items():
        found[path] = content
        if (short := -len(content) % piece) and path != list(files)[-1]:
            found[f".pad/{short}"] = bytes(short)
    return found


def made(name: str, files: Mapping[str, bytes], *, piece: int = PIECE, private: bool = False) -> Torrent:
    """A v1 torrent called `name`: of one file where `files` has only `name` itself, else of a folder."""
    whole = b"".join(files.values())
    info: dict[str, Any] = {
        "name": name,
        "piece length": piece,
        "pieces": b"".join(hashlib.sha1(whole[at : at + piece]).digest() for at in range(0, len(whole), piece)),
    }
    if private:
        info["private"] = 1
    if list(files) == [name]:
        info["length"] = len(whole)
        found = dict(files)
    else:
        info["files"] = [
            {"path": path.split("/"), "length": len(content), **({"attr": "p"} if path.startswith(".pad/") else {})}
            for path, content in files.items()
        ]
        found = {f"{name}/{path}": content for path, content in files.items()}
    return Torrent(
        content=bencoded({"info": info}),
        infohash=hashlib.sha1(bencoded(info)).hexdigest(),
        files=found,
    )


def noise(size: int, seed: object) -> bytes:
    """Bytes that depend on `seed` only."""
    return hashlib.shake_256(repr(seed).encode()).digest(size)


def bencoded(value: Any) -> bytes:
    """BEP 3."""
    match value:
        case int():
            return b"i%de" % value
        case str():
            return bencoded(value.encode())
        case bytes():
            return b"%d:%s" % (len(value), value)
        case list():
            return b"l" + b"".join(bencoded(each) for each in value) + b"e"
        case dict():
            return b"d" + b"".join(bencoded(key) + bencoded(value[key]) for key in sorted(value)) + b"e"
    raise TypeError(value)


class Seeder:
    """As a context: what it gives ends with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._given: dict[str, tuple[Any, Any]] = {}  # infohash -> session, handle
        self._shares: dict[str, float] = {}
        self._called: dict[str, float] = {}  # when somebody was called first, and has not been connected since
        self._times = 0

    def __enter__(self) -> "Seeder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._given.clear()

    def give(self, torrent: Torrent, *, share: float = 1.0) -> None:
        """Have the first `share` of all its bytes, and no more; as another peer than whoever had it before.

        A peer that comes back is let wait for a minute by some downloaders.
        """
        self._given.pop(torrent.infohash, None)
        self._called.pop(torrent.infohash, None)
        self._shares[torrent.infohash] = share
        self._times += 1
        place = self._folder / f"given-{self._times}"
        left = int(sum(len(content) for content in torrent.files.values()) * share)
        for path, content in torrent.files.items():
            file = place / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content[:left].ljust(len(content), b"\0"))
            left = max(0, left - len(content))
        parameters: Any = libtorrent.load_torrent_buffer(torrent.content)
        parameters.save_path = str(place)
        parameters.flags &= ~libtorrent.torrent_flags.auto_managed
        parameters.flags &= ~libtorrent.torrent_flags.paused
        session = _session(f"127.0.0.{2 + self._times % 250}")
        self._given[torrent.infohash] = session, session.add_torrent(parameters)

    def said(self, torrent: Torrent) -> object:
        """How it stands with a torrent: its state, and who is connected."""
        _, handle = self._given[torrent.infohash]
        peers = [(peer.ip, str(peer.flags), peer.total_upload) for peer in handle.get_peer_info()]
        return handle.status().name, handle.status().state, peers

    def connect(self, torrent: Torrent, port: int) -> None:
        """Call a downloader that listens at `port`, unless it is connected or being called.

        Who was turned away again and again, by a downloader that was not there or had the torrent no more, hardly comes
        any more: then another peer calls.
        """
        _, handle = self._given[torrent.infohash]
        now = time.monotonic()
        if any(not peer.flags & _ON_THE_WAY for peer in handle.get_peer_info()):
            self._called.pop(torrent.infohash, None)
        elif now - self._called.get(torrent.infohash, now) > _TURNED_AWAY:
            self.give(torrent, share=self._shares[torrent.infohash])
            return
        if handle.status().state in _READY and not handle.get_peer_info():
            handle.connect_peer(("127.0.0.1", port))
            self._called.setdefault(torrent.infohash, now)


_TURNED_AWAY = 5.0  # seconds
_ON_THE_WAY = libtorrent.peer_info.connecting | libtorrent.peer_info.handshake
_READY = (
    libtorrent.torrent_status.states.downloading,
    libtorrent.torrent_status.states.finished,
    libtorrent.torrent_status.states.seeding,
)


def _session(address: str) -> Any:
    return libtorrent.session(
        {
            "listen_interfaces": f"{address}:0",
            "outgoing_interfaces": address,
            "enable_dht": False,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "enable_outgoing_utp": False,  # aria2 does not speak it
            "min_reconnect_time": 1,
            "max_failcount": 100_000,
            "unchoke_interval": 1,
            "unchoke_slots_limit": -1,
            "alert_mask": 0,
        }
    )
