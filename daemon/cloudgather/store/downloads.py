"""Downloads on request: their rows, the one place that moves them, and their history."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from sqlite3 import Connection
from typing import Any, Final

from cgwire.reasons import Reason
from cloudgather.core.download import Asked, Download, Event, ImpossibleMove, State, moved
from cloudgather.core.naming import folder_of_download
from cloudgather.ports.downloads import NewDownload, PastDownloadMove
from cloudgather.ports.queue import Overtaken
from cloudgather.store.debris import daemon_id
from cloudgather.store.errors import RowDamaged
from cloudgather.store.rows import (
    from_instant,
    from_optional_instant,
    from_reason,
    packed,
    reads,
    to_instant,
    to_optional_instant,
    to_reason,
    unpacked,
)

logger = logging.getLogger(__name__)

_DOWNLOAD: Final = "SELECT id, state, infohash, asked, known, reason, cleared, created, updated FROM download"
_SHOWN: Final = 1000  # of those that have ended, the newest


def add(connection: Connection, new: NewDownload, now: datetime) -> Download:
    """ports.downloads.DownloadStore.add_download."""
    at = from_instant(now)
    id = connection.execute(
        "INSERT INTO download (state, uid, infohash, asked, known, cleared, created, updated) "
        "VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
        (str(State.QUEUED), new.asked.uid, new.infohash, _from_asked(new.asked), b"", at, at),
    ).lastrowid
    assert id is not None
    download = Download(
        id=id,
        asked=new.asked,
        state=State.QUEUED,
        infohash=new.infohash,
        name=new.name,
        folder=os.path.join(new.parent, folder_of_download(daemon_id(connection), id)),
        foreign=False,
        wanted=new.wanted,
        size=new.size,
        private=new.private,
        files=(),
        paused=new.paused,
        keep_files=False,
        clearing=False,
        cleared=False,
        tries=0,
        due=None,
        reason=None,
        created=to_instant(at),
        updated=to_instant(at),
    )
    _write(connection, download)
    if new.torrent is not None:
        connection.execute("INSERT INTO torrent (download, content) VALUES (?, ?)", (id, new.torrent))
    return download


def one(connection: Connection, id: int) -> Download | None:
    """ports.downloads.DownloadStore.download."""
    row = connection.execute(f"{_DOWNLOAD} WHERE id = ?", (id,)).fetchone()
    return None if row is None else _to_download(row)


def listed(connection: Connection, uid: int | None) -> Sequence[Download]:
    """ports.downloads.DownloadStore.downloads."""
    rows = connection.execute(
        f"{_DOWNLOAD} WHERE (:uid IS NULL OR uid = :uid) AND (NOT cleared OR id IN "
        "(SELECT id FROM download WHERE cleared ORDER BY id DESC LIMIT :most)) ORDER BY id",
        {"uid": uid, "most": _SHOWN},
    )
    return [found for row in rows if (found := _sound(row)) is not None]


def unfinished(connection: Connection) -> Sequence[Download]:
    """ports.downloads.DownloadStore.open_downloads."""
    rows = connection.execute(f"{_DOWNLOAD} WHERE NOT cleared ORDER BY id").fetchall()
    found = [_sound(row) for row in rows]
    for row, each in zip(rows, found, strict=True):
        if each is None:
            logger.error("download %s cannot be read from the database and is left out", row[0])
    return [each for each in found if each is not None]


def _sound(row: tuple[Any, ...]) -> Download | None:
    """None where it is damaged: that shall keep up no other."""
    try:
        return _to_download(row)
    except RowDamaged:
        return None


def of_infohash(connection: Connection, infohash: str) -> Download | None:
    """ports.downloads.DownloadStore.download_of."""
    rows = connection.execute(
        f"{_DOWNLOAD} WHERE infohash = ? AND state NOT IN ('failed', 'removed') ORDER BY id DESC", (infohash,)
    )
    return next((found for row in rows if (found := _sound(row)) is not None), None)


def torrent(connection: Connection, id: int) -> bytes | None:
    """ports.downloads.DownloadStore.torrent."""
    row = connection.execute("SELECT content FROM torrent WHERE download = ?", (id,)).fetchone()
    return None if row is None else bytes(row[0])


def move(
    connection: Connection,
    id: int,
    before: State,
    event: Event,
    reason: Reason | None,
    changes: Mapping[str, Any],
    now: datetime,
) -> Download:
    """ports.downloads.DownloadStore.move_download."""
    download = _expected(connection, id, before)
    try:
        after = moved(before, event)
    except ImpossibleMove as error:
        raise Overtaken(f"download {id}: {error}") from error
    made = replace(download, **{"state": after, "reason": reason, "updated": now, **changes})
    _write(connection, made)
    connection.execute(
        "INSERT INTO download_move (download, at, event, before, after, reason) VALUES (?, ?, ?, ?, ?, ?)",
        (id, from_instant(now), str(event), str(before), str(after), from_reason(reason)),
    )
    return made


def note(connection: Connection, id: int, before: State, changes: Mapping[str, Any], now: datetime) -> Download:
    """ports.downloads.DownloadStore.note_download."""
    made = replace(_expected(connection, id, before), **{"updated": now, **changes})
    _write(connection, made)
    return made


def history(connection: Connection, id: int) -> Sequence[PastDownloadMove]:
    """ports.downloads.DownloadStore.download_history."""
    rows = connection.execute(
        "SELECT at, event, before, after, reason FROM download_move WHERE download = ? ORDER BY id DESC LIMIT 200",
        (id,),
    )
    return [_past_move(row) for row in rows]


@reads
def _past_move(row: tuple[Any, ...]) -> PastDownloadMove:
    at, event, before, after, reason = row
    return PastDownloadMove(
        at=to_instant(at), event=Event(event), before=State(before), after=State(after), reason=to_reason(reason)
    )


def prune(connection: Connection, before: datetime) -> None:
    """Forget those that ended before, with their history.

    One that failed is kept as long as anything of it may be here, since nobody else knows of that: it was handed over.
    """
    until = from_instant(before)
    gone = [(id,) for (id,) in connection.execute("SELECT id FROM download WHERE cleared AND updated < ?", (until,))]
    failed = connection.execute(f"{_DOWNLOAD} WHERE NOT cleared AND state = 'failed' AND updated < ?", (until,))
    gone += [(found.id,) for row in failed if (found := _sound(row)) is not None and not found.tries]
    for table, column in (("download_move", "download"), ("torrent", "download"), ("download", "id")):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", gone)


def _expected(connection: Connection, id: int, state: State) -> Download:
    download = one(connection, id)
    if download is None or download.state is not state:
        raise Overtaken(f"download {id} is not {state} any more")
    return download


def _write(connection: Connection, download: Download) -> None:
    known = packed(
        {
            "name": download.name,
            "folder": download.folder,
            "foreign": download.foreign,
            "wanted": download.wanted,
            "size": download.size,
            "private": download.private,
            "own_folder": download.own_folder,
            "files": download.files,
            "left_out": None if download.left_out is None else sorted(download.left_out),
            "paused": download.paused,
            "short": download.short,
            "keep_files": download.keep_files,
            "clearing": download.clearing,
            "tries": download.tries,
            "handed": download.handed,
            "seeded": download.seeded,
            "due": from_optional_instant(download.due),
        }
    )
    connection.execute(
        "UPDATE download SET state = ?, infohash = ?, known = ?, reason = ?, cleared = ?, updated = ? WHERE id = ?",
        (
            str(download.state),
            download.infohash,
            known,
            from_reason(download.reason),
            int(download.cleared),
            from_instant(download.updated),
            download.id,
        ),
    )


def _from_asked(asked: Asked) -> bytes:
    return packed(
        {
            "uri": asked.uri,
            "downloader": asked.downloader,
            "task": asked.task,
            "target": asked.target,
            "base": asked.base,
            "choose": asked.choose,
            "reuse": asked.reuse,
            "options": dict(asked.options),
            "max_size": asked.max_size,
            "max_active": asked.max_active,
            "uid": asked.uid,
            "user": asked.user,
        }
    )


@reads
def _to_download(row: tuple[Any, ...]) -> Download:
    id, state, infohash, asked, known, reason, cleared, created, updated = row
    facts = unpacked(known)
    return Download(
        id=id,
        asked=Asked(**unpacked(asked)),
        state=State(state),
        infohash=infohash,
        name=facts["name"],
        folder=facts["folder"],
        foreign=facts["foreign"],
        wanted=None if facts["wanted"] is None else tuple(facts["wanted"]),
        size=facts["size"],
        private=facts.get("private", True),  # older rows lack it, own_folder, left_out, short, handed and seeded
        own_folder=facts.get("own_folder"),
        files=tuple((path, size) for path, size in facts["files"]),
        left_out=None if facts.get("left_out") is None else frozenset(facts["left_out"]),
        paused=facts["paused"],
        short=facts.get("short", False),
        keep_files=facts["keep_files"],
        clearing=facts["clearing"],
        cleared=bool(cleared),
        tries=facts["tries"],
        handed=facts.get("handed", facts["tries"] > 0),
        seeded=facts.get("seeded", False),
        due=to_optional_instant(facts["due"]),
        reason=to_reason(reason),
        created=to_instant(created),
        updated=to_instant(updated),
    )
