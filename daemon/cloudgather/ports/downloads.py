"""What is remembered of downloads on request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from cgwire.reasons import Reason
from cloudgather.core.download import Asked, Download
from cloudgather.core.download import Event as DownloadEvent
from cloudgather.core.download import State as DownloadState


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDownload:
    """What becomes a download."""

    asked: Asked
    infohash: str | None
    name: bytes
    parent: bytes  # it gets a folder of its own in there
    wanted: tuple[int, ...] | None
    size: int | None
    paused: bool
    torrent: bytes | None  # the torrent file, if that is what was given
    private: bool | None = None  # whether it says so


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDownloadMove:
    """A line of a download's history."""

    at: datetime
    event: DownloadEvent
    before: DownloadState
    after: DownloadState
    reason: Reason | None


class DownloadStore(Protocol):
    """Downloads on request; what has returned is on the disk. All raise StoreUnavailable."""

    async def add_download(self, new: NewDownload, *, now: datetime) -> Download:
        """A queued one; its folder's name is of this daemon and of this download alone."""
        ...

    async def download(self, id: int) -> Download | None: ...
    async def downloads(self, *, uid: int | None) -> Sequence[Download]:
        """Of this user (None: of all): those for which something is left to be done, and the newest others; by id."""
        ...

    async def open_downloads(self) -> Sequence[Download]:
        """Those for which something is left to be done, by id."""
        ...

    async def download_of(self, infohash: str) -> Download | None:
        """The newest of this torrent that has neither failed nor been removed."""
        ...

    async def torrent(self, id: int) -> bytes | None:
        """The torrent file that it was made of."""
        ...

    async def move_download(
        self,
        id: int,
        before: DownloadState,
        event: DownloadEvent,
        *,
        reason: Reason | None = None,
        changes: Mapping[str, Any] | None = None,
        now: datetime,
    ) -> Download:
        """Move it, with its line of history, and change these of its fields; raises Overtaken if it is not `before`."""
        ...

    async def note_download(
        self, id: int, before: DownloadState, changes: Mapping[str, Any], *, now: datetime
    ) -> Download:
        """Change these of its fields, which is no move; raises Overtaken if it is not `before` any more."""
        ...

    async def download_history(self, id: int) -> Sequence[PastDownloadMove]:
        """Newest first."""
        ...
