"""What every DownloadStore does; see ports.downloads.DownloadStore for the law."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.download import Asked, Download, Event, State
from cloudgather.ports.downloads import DownloadStore, NewDownload
from cloudgather.ports.queue import Overtaken, StoreUnavailable
from queueing import LATER, NOW, Do

HASH = "a" * 40


def a_wish(*, uid: int = 1000, **changes: Any) -> NewDownload:
    asked = Asked(
        uri="magnet:?xt=urn:btih:" + HASH,
        downloader="qb",
        task="films",
        target="cloud",
        base="电影".encode(),
        choose=True,
        reuse=True,
        options={"seed-ratio": "1.0"},
        max_size=10,
        max_active=None,
        uid=uid,
        user="somebody",
    )
    wish = NewDownload(
        asked=asked,
        infohash=HASH,
        name=b"not utf-8 \xff",
        parent=b"/downloads",
        wanted=(1, 3),
        size=None,
        paused=True,
        torrent=None,
    )
    return replace(wish, **changes)


def added(store: DownloadStore, do: Do, **changes: Any) -> Download:
    found: Download = do(store.add_download(a_wish(**changes), now=NOW))
    return found


def test_what_was_asked_for_is_kept_as_it_was(store: DownloadStore, do: Do) -> None:
    wish = a_wish()

    download = added(store, do)

    assert do(store.download(download.id)) == download
    assert (download.asked, download.state, download.infohash) == (wish.asked, State.QUEUED, HASH)
    assert (download.name, download.wanted, download.size, download.paused) == (wish.name, (1, 3), None, True)
    assert (download.files, download.tries, download.due, download.cleared) == ((), 0, None, False)
    assert (download.created, download.updated) == (NOW, NOW)


def test_each_has_a_folder_of_its_own(store: DownloadStore, do: Do) -> None:
    one, other = added(store, do), added(store, do)

    assert one.folder != other.folder
    assert {each.folder.rpartition(b"/")[0] for each in (one, other)} == {b"/downloads"}


def test_a_torrent_file_is_kept_until_the_download_is_forgotten(store: DownloadStore, do: Do) -> None:
    download = added(store, do, torrent=b"content")

    assert do(store.torrent(download.id)) == b"content"
    assert do(store.torrent(added(store, do).id)) is None


def test_a_move_is_recorded_with_its_changes_and_its_history(store: DownloadStore, do: Do) -> None:
    download = added(store, do)
    reason = because(Code.DOWNLOAD_FAILED, downloader="qb", message="no")

    do(store.move_download(download.id, State.QUEUED, Event.DOWNLOAD, changes={"size": 7, "name": b"x"}, now=NOW))
    files = ((b"dir/\xff", 3), (b"b", 4))
    do(store.move_download(download.id, State.DOWNLOADING, Event.COMPLETE, changes={"files": files}, now=LATER))
    moved = do(store.move_download(download.id, State.DOWNLOADED, Event.FAIL, reason=reason, now=LATER))

    assert do(store.download(download.id)) == moved
    assert moved == replace(download, state=State.FAILED, size=7, name=b"x", files=files, reason=reason, updated=LATER)
    history = do(store.download_history(download.id))
    assert [(each.event, each.before, each.after) for each in history] == [
        (Event.FAIL, State.DOWNLOADED, State.FAILED),
        (Event.COMPLETE, State.DOWNLOADING, State.DOWNLOADED),
        (Event.DOWNLOAD, State.QUEUED, State.DOWNLOADING),
    ]
    assert [each.reason for each in history] == [reason, None, None]


@pytest.mark.parametrize(
    ("before", "event"), [(State.DOWNLOADING, Event.STALL), (State.QUEUED, Event.UPLOADED)], ids=["state", "table"]
)
def test_a_move_of_what_is_not_so_any_more_is_refused(
    store: DownloadStore, do: Do, before: State, event: Event
) -> None:
    download = added(store, do)

    with pytest.raises(Overtaken):
        do(store.move_download(download.id, before, event, now=LATER))

    assert do(store.download(download.id)) == download
    assert do(store.download_history(download.id)) == []


def test_what_is_noted_is_no_move(store: DownloadStore, do: Do) -> None:
    download = added(store, do)

    noted = do(store.note_download(download.id, State.QUEUED, {"tries": 2, "due": LATER}, now=LATER))

    assert noted == replace(download, tries=2, due=LATER, updated=LATER)
    assert do(store.download(download.id)) == noted
    assert do(store.download_history(download.id)) == []
    with pytest.raises(Overtaken):
        do(store.note_download(download.id, State.MOVING, {"tries": 3}, now=LATER))


def test_what_was_adopted_and_what_was_left_out_is_kept(store: DownloadStore, do: Do) -> None:
    download = added(store, do)
    changes: dict[str, Any] = {
        "foreign": True,
        "own_folder": b"/downloads/\xff",
        "left_out": frozenset({b"\xff", b"a"}),
    }

    noted = do(store.note_download(download.id, State.QUEUED, changes, now=LATER))

    assert noted == replace(download, updated=LATER, **changes)
    assert do(store.download(download.id)) == noted


def test_those_with_something_left_to_do_are_told_from_the_others(store: DownloadStore, do: Do) -> None:
    mine, others, ended = added(store, do), added(store, do, asked=a_wish(uid=2).asked), added(store, do)
    do(store.move_download(ended.id, State.QUEUED, Event.REMOVE, changes={"cleared": True}, now=NOW))

    assert [each.id for each in do(store.open_downloads())] == [mine.id, others.id]
    assert [each.id for each in do(store.downloads(uid=None))] == [mine.id, others.id, ended.id]
    assert [each.id for each in do(store.downloads(uid=2))] == [others.id]


def test_a_torrent_is_found_by_its_hash_unless_it_failed_or_was_removed(store: DownloadStore, do: Do) -> None:
    failed, there = added(store, do), added(store, do)
    do(store.move_download(failed.id, State.QUEUED, Event.FAIL, now=NOW))

    assert do(store.download_of(HASH)) == there
    do(store.move_download(there.id, State.QUEUED, Event.REMOVE, now=NOW))
    assert do(store.download_of(HASH)) is None


def test_old_ones_are_forgotten_once_nothing_is_left_to_be_done(store: Any, do: Do) -> None:
    left, ended = added(store, do, torrent=b"x"), added(store, do, torrent=b"x")
    do(store.move_download(ended.id, State.QUEUED, Event.REMOVE, changes={"cleared": True}, now=NOW))

    do(store.prune(before=NOW + timedelta(days=1)))

    assert do(store.download(ended.id)) is None
    assert do(store.torrent(ended.id)) is None
    assert do(store.download_history(ended.id)) == []
    assert do(store.torrent(left.id)) == b"x"


def test_an_old_one_that_failed_is_forgotten_unless_something_of_it_may_be_here(store: Any, do: Do) -> None:
    refused, handed, young = (added(store, do, torrent=b"x") for _ in range(3))
    do(store.note_download(handed.id, State.QUEUED, {"tries": 1}, now=NOW))
    for download, at in ((refused, NOW), (handed, NOW), (young, NOW + timedelta(days=2))):
        do(store.move_download(download.id, State.QUEUED, Event.FAIL, now=at))

    do(store.prune(before=NOW + timedelta(days=1)))

    assert [each.id for each in do(store.open_downloads())] == [handed.id, young.id]
    assert do(store.torrent(refused.id)) is None


def test_of_one_that_cannot_be_read_nothing_is_told_that_it_holds(store: Any, do: Do, tmp_path: Path) -> None:
    secret = replace(a_wish().asked, options={"http-passwd": "not to be told"})
    download = added(store, do, asked=secret)
    with closing(sqlite3.connect(next(tmp_path.rglob("state.db")))) as connection:
        connection.execute("UPDATE download SET known = x'c1' WHERE id = ?", (download.id,))
        connection.commit()

    with pytest.raises(StoreUnavailable) as damaged:
        do(store.download(download.id))

    told = str(damaged.value.reason)
    assert "bytes" in told
    assert "not to be told" not in told
