"""Which downloads `daemon.status` tells of, and in which order."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.download import Asked, Download, State
from cloudgather.operations import describe_downloads
from cloudgather.operations.describe_downloads import open_downloads
from cloudgather.operations.world import World

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
