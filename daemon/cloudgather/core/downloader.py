"""A downloader: what is configured of it, and what it says of the things it downloads, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from cloudgather.core.mounts import is_below


class Kind(StrEnum):
    """Which program it is."""

    QBITTORRENT = "qbittorrent"
    ARIA2 = "aria2"
    TRANSMISSION = "transmission"

    @property
    def suffix(self) -> bytes:
        """What it may add to the name of a file until that is complete; empty where it never does."""
        return _SUFFIXES.get(self, b"")


_SUFFIXES: Final = {Kind.QBITTORRENT: b".!qB", Kind.TRANSMISSION: b".part"}


class Phase(StrEnum):
    """What a downloader does with an item, as far as it matters to us."""

    QUEUED = "queued"  # it waits, or somebody has stopped it, before it was complete
    METADATA = "metadata"  # what files there will be is not known yet
    CHECKING = "checking"  # what is on disk is being verified
    DOWNLOADING = "downloading"
    STALLED = "stalled"  # nobody sends anything
    MOVING = "moving"  # its files go from one folder to another
    SEEDING = "seeding"  # complete, and sent to others
    COMPLETE = "complete"  # complete, and idle
    FAILED = "failed"  # it says what went wrong
    MISSING = "lost"  # its files are not where it left them


_FINISHED: Final = frozenset({Phase.SEEDING, Phase.COMPLETE})


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloaderSpec:
    """One downloader as configured. Paths of `path_map` are (as it names them, as they are here)."""

    name: str
    kind: Kind
    url: str
    username: str | None = None
    password_file: bytes | None = None
    api_key_file: bytes | None = None
    secret_file: bytes | None = None
    path_map: tuple[tuple[bytes, bytes], ...] = ()
    dir: bytes | None = None  # here: each download on request gets a folder of its own in there
    folders: tuple[bytes, ...] = ()  # here: files below wait while it cannot be asked
    options: Mapping[str, Any] = field(default_factory=dict)  # as written: default options of downloads on request

    def ours(self, path: bytes) -> bytes:
        """Where a path that the downloader names lies here; the longest entry of the map decides."""
        return _mapped(path, self.path_map)

    def theirs(self, path: bytes) -> bytes:
        """What the downloader calls a path of ours."""
        return _mapped(path, tuple((here, there) for there, here in self.path_map))


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that a downloader downloads or has downloaded: a torrent, or a file from the web.

    Folders are absolute, as the downloader names them. Sizes are bytes of the files that are wanted.
    """

    id: str  # the downloader's own; aria2 gives another one after its restart
    name: str
    phase: Phase
    final: bytes  # the folder in which its files lie once they are complete
    current: bytes  # the folder in which they lie now
    others: tuple[bytes, ...] = ()  # further folders in which some of them may be
    top: bytes | None = None  # the name in there of its only file or of its folder; None: files lie there as they are
    size: int = 0
    done: int = 0
    paused: bool = False
    speed: int = 0  # bytes a second that come in
    infohashes: frozenset[str] = frozenset()  # v1 and v2 in full, lower-case hex
    tags: frozenset[str] = frozenset()
    ratio: float = 0.0  # bytes sent to others for each byte
    seeding: float | None = None  # seconds that it has been seeding; None: nobody knows
    follows: str | None = None  # the item (a magnet's, a torrent file's) that this one was made by
    followed_by: str | None = None  # the item that this one has made, and has nothing more to do with
    message: str = ""  # its own words for what went wrong
    resumable: bool = True  # whether another try can go on with what has come

    @property
    def complete(self) -> bool:
        """Every wanted file is there, checked, and where it stays."""
        return self.phase in _FINISHED and self.done >= self.size and self.current == self.final

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return min(1.0, self.done / self.size) if self.size else float(self.phase in _FINISHED)

    @property
    def folders(self) -> tuple[bytes, ...]:
        """Every folder in which its files may lie."""
        return tuple(dict.fromkeys((self.current, self.final, *self.others)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFile:
    """One file of an item. `path` is relative to the item's folder; sizes are bytes."""

    index: int  # as the downloader counts: from 0 or from 1
    path: bytes
    size: int
    done: int
    wanted: bool

    @property
    def complete(self) -> bool:
        """Whether all of it has come."""
        return self.done >= self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What has changed since the last poll that was answered."""

    changed: Mapping[str, Item]  # by id
    gone: frozenset[str]  # ids that the downloader does not list any more


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a downloader says of itself."""

    program: str  # its version as it names it: "v4.5.2", "1.36.0"
    api: str  # the version of its interface
    folder: bytes  # where it puts what it downloads unless told otherwise, as it names it


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedingGoal:
    """A torrent is seeded until the one or the other is reached."""

    ratio: float  # bytes sent for each byte
    time: timedelta

    @property
    def is_reached(self) -> bool:
        """Whether nothing is to be seeded at all."""
        return self.ratio <= 0 or self.time <= timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadOrder:
    """Something to download: exactly one of `uri` (magnet, http, ftp) and `torrent` (a torrent file's content).

    `options` are the kind's own, under its own names, in the form in which they travel.
    """

    uri: str | None = None
    torrent: bytes | None = None
    folder: bytes  # as the downloader names it
    mark: str  # told apart by it later: a tag, a label, an id (16 hexadecimal digits, not all of them 0)
    paused: bool = False
    choose: bool = False  # stop once the files are known, before the first byte of any
    trackers: Sequence[str] = ()  # further ones; who cannot take them with the order is told later (`announce`)
    goal: SeedingGoal | None = None  # until then it is to be seeded; None: as the program does by itself
    afresh: bool = False  # nothing of what has come with an earlier try is to be gone on with
    options: Mapping[str, Any] = field(default_factory=dict)


def folder_named(path: str) -> bytes:
    """A folder as a downloader has named it in JSON, without slashes at its end; empty where it has named none."""
    encoded = path.encode(errors="surrogateescape")
    return encoded.rstrip(b"/") or encoded[:1]


def _mapped(path: bytes, pairs: tuple[tuple[bytes, bytes], ...]) -> bytes:
    found = [(there, here) for there, here in pairs if is_below(path, there)]
    if not found:
        return path
    there, here = max(found, key=lambda pair: len(pair[0]))
    rest = path[len(there.rstrip(b"/")) :]
    return here.rstrip(b"/") + rest or b"/"
