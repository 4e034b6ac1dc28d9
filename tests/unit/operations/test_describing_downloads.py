"""Which downloads `daemon.status` tells of, and in which order."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cgwire import download as wire
from cgwire.access import Access
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.caller import Caller, Refused
from cloudgather.core.download import Asked, Download, State
from cloudgather.core.downloader import Phase
from cloudgather.core.items import Items
from cloudgather.operations import describe_downloads
from cloudgather.operations.describe_downloads import open_downloads
from cloudgather.operations.downloads import DownloadOperations
from cloudgather.operations.world import World
from cloudgather.pipeline.downloading import Known
from fakes.downloader import FakeDownloader, an_item

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def a_download(id: int, state: State, *, uid: int = 1, **changes: Any) -> Download:
    asked = Asked(
        uri=None, downloader="qb", task="films", target="cloud", base=b"films", choose=False, reuse=True, options={},
        max_size=None, max_active=None, uid=uid, user="ann",
    )  # fmt: skip
    download = Download(
        id=id, asked=asked, state=state, infohash=None, name=b"film", folder=b"/downloads", foreign=False, wanted=None,
        size=None, files=(), paused=False, keep_files=False, clearing=False, cleared=False, tries=1, due=None,
        reason=None, created=NOW, updated=NOW,
    )  # fmt: skip
    return replace(download, **changes)


def a_world(*downloads: Download) -> World:
    async def all_of(*, uid: int | None) -> Sequence[Download]:
        return [each for each in downloads if uid in (None, each.asked.uid)]

    return cast(World, SimpleNamespace(downloads=SimpleNamespace(all=all_of)))


def test_what_stalls_or_has_failed_comes_first_and_what_is_over_not_at_all() -> None:
    world = a_world(
        a_download(1, State.DONE, cleared=True),
        a_download(2, State.DOWNLOADING),
        a_download(3, State.FAILED, cleared=True),
        a_download(4, State.REMOVED),
        a_download(5, State.STALLED, uid=2),
    )

    assert [each.id for each in asyncio.run(open_downloads(world, None))] == [3, 5, 2, 4]
    assert [each.id for each in asyncio.run(open_downloads(world, 2))] == [5]


def test_a_reason_has_the_number_that_its_advice_names() -> None:
    hold = because(Code.HELD_DOWNLOAD_SHARED, download=9)
    downloads = SimpleNamespace(shown=lambda it: None, hold_of=lambda it: hold)
    world = cast(World, SimpleNamespace(downloads=downloads))

    told = describe_downloads.download(world, a_download(2, State.FAILED, reason=because(Code.DOWNLOAD_FAILED)))

    assert told["reason"]["download"] == 2
    assert told["held"]["download"] == 9


@pytest.mark.parametrize(("phase", "listed"), [(Phase.METADATA, 0), (Phase.DOWNLOADING, 1)])
def test_a_magnet_link_has_no_files_to_choose_from_while_they_are_being_found_out(phase: Phase, listed: int) -> None:
    magnet = a_download(7, State.METADATA, folder=b"/downloads", wanted=None)
    client = FakeDownloader()
    item = an_item(phase=phase)
    client.put(item)
    known = Known(client=client, items=Items([item]), heard=0.0, steady=(), poll_soon=lambda: None)
    noted: list[Any] = []

    async def one(id: int) -> Download:
        return magnet

    async def note(download: Download, changes: Any) -> None:
        noted.append(changes)

    async def no_torrent(id: int) -> None:
        return None

    downloads = SimpleNamespace(one=one, note=note, torrent=no_torrent, known=lambda name: known)
    operations = DownloadOperations(cast(World, SimpleNamespace(downloads=downloads)))
    caller = cast(Caller, SimpleNamespace(access=Access.ADMIN, uid=0))

    files = asyncio.run(operations.download_files(wire.Files(id=7), caller))["files"]
    assert len(files) == listed
    if not listed:
        with pytest.raises(Refused) as caught:
            asyncio.run(operations.download_select(wire.Select(id=7, files=(1,)), caller))
        assert caught.value.reason.code == Code.ERROR_DOWNLOAD_STATE
        assert noted == []
    else:
        asyncio.run(operations.download_select(wire.Select(id=7, files=(1,)), caller))
        assert noted == [{"wanted": (1,)}]
