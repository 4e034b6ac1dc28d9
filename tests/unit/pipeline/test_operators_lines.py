"""The operator's lines, and by which fields they are found in the journal."""

import logging
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.download import Asked, Event
from cloudgather.pipeline.downloading import Book
from cloudgather.pipeline.events import Bus
from cloudgather.pipeline.journal import fields
from cloudgather.ports.downloads import NewDownload
from fakes.clock import FakeClock
from queueing import NOW, a_plan, claimed, running_store


def test_a_transfer_is_found_by_the_download_that_it_belongs_to(tmp_path: Path) -> None:
    with running_store(str(tmp_path)) as (store, do):
        do(store.add([a_plan(task="download:7"), a_plan(b"other", task="films")], now=NOW))

        assert fields(do(claimed(store)))["DOWNLOAD"] == 7
        assert "DOWNLOAD" not in fields(do(claimed(store)))


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
