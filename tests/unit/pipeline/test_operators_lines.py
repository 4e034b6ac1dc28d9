"""The operator's lines, and by which fields they are found in the journal."""

import logging
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.download import Asked, Event
from cloudgather.core.transfer import Event as Happened
from cloudgather.core.transfer import State
from cloudgather.pipeline.downloading import Book
from cloudgather.pipeline.events import Bus
from cloudgather.pipeline.journal import Journal, english, fields
from cloudgather.ports.downloads import NewDownload
from fakes.clock import FakeClock
from queueing import NOW, a_plan, claimed, running_store


def test_a_transfer_is_found_by_the_download_that_it_belongs_to(tmp_path: Path) -> None:
    with running_store(str(tmp_path)) as (store, do):
        do(store.add([a_plan(task="download:7"), a_plan(b"other", task="films")], now=NOW))

        ours, other = do(claimed(store)), do(claimed(store))

    assert fields(ours.task, ours.target, ours.run)["DOWNLOAD"] == 7
    assert "DOWNLOAD" not in fields(other.task, other.target, other.run)


def test_what_happened_to_many_transfers_is_a_line_of_each_with_its_level(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_store(str(tmp_path)) as (store, do):
        do(store.add([a_plan(path) for path in (b"a", b"b", b"c", b"d")], now=NOW))
        a, b, c, d = (do(claimed(store)) for _ in range(4))
    gone = because(Code.SOURCE_GONE, source=b"/films")
    ended = [
        (a, State.WRITTEN, Happened.WRITE),
        (b, State.WRITTEN, Happened.WRITE),
        (c, State.FAILED, Happened.GIVE_UP),
    ]
    moved = [(event, [transfer._replace(state=state, reason=None)]) for transfer, state, event in ended]
    moved.append((Happened.DEFER, [d._replace(state=State.QUEUED, reason=gone)]))

    with caplog.at_level(logging.INFO, logger="cloudgather.transfer"):
        Journal().outcomes(moved)

    told = [(record.levelno, [text for _, text in record.__dict__["lines"]]) for record in caplog.records]
    size = f"{a.version.size} B"
    assert told == [
        (logging.INFO, [f"{a.id} a uploaded, {size}", f"{b.id} b uploaded, {size}"]),
        (logging.ERROR, [f"{c.id} c failed"]),
        (logging.WARNING, [f"{d.id} d put off: {english(gone)}"]),
    ]
    assert [id for id, _ in caplog.records[0].__dict__["lines"]] == [a.id, b.id]


def test_a_download_that_fails_says_so_with_its_number_and_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    asked = Asked(
        uri="https://example.org/film.mkv",
        downloader="aria",
        task=None,
        target="c115",
        base=b"films",
        choose=False,
        reuse=True,
        options={},
        max_size=None,
        max_active=None,
        uid=1000,
        user="ming",
    )
    with running_store(str(tmp_path)) as (store, do):
        book = Book(store=store, bus=Bus(), clock=FakeClock())
        wish = NewDownload(
            asked=asked,
            infohash=None,
            name=b"film.mkv",
            parent=b"/downloads",
            wanted=None,
            size=None,
            paused=False,
            torrent=None,
        )
        download = do(store.add_download(wish, now=NOW))
        do(book.move(download, Event.DOWNLOAD, None, {}))
        assert caplog.records == []

        download = do(store.download(download.id))
        do(book.move(download, Event.FAIL, because(Code.ERROR_BAD_REQUEST, message="gone"), {}))

    (line,) = caplog.records
    assert line.levelno == logging.ERROR
    assert line.__dict__["about"] == {"DOWNLOAD": download.id, "TARGET": "c115"}
    assert line.getMessage().startswith(f"download {download.id} film.mkv failed: ")
    assert "gone" in line.getMessage()
