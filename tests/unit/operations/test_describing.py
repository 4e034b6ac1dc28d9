"""How configured values are shown to whoever may look."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from cgwire.access import Access
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.download import Allowance
from cloudgather.core.downloader import DownloaderSpec, Kind
from cloudgather.operations import describe
from cloudgather.operations.world import World
from cloudgather.pipeline.pending import Pending
from fakes.clock import FakeClock
from pipework import working

OPTIONS = {"http-passwd": "SECRET", "bt-tracker": ["http://t/SECRET/announce"], "split": 4}


@pytest.mark.parametrize(
    "value",
    [DownloaderSpec(name="a", kind=Kind.ARIA2, url="http://a", options=OPTIONS), Allowance(options=OPTIONS)],
    ids=["downloader", "group"],
)
def test_options_of_downloads_are_shown_without_passwords_and_keys(value: object) -> None:
    shown = describe.plain({"it": value})

    assert "SECRET" not in repr(shown)
    assert shown["it"]["options"]["split"] == 4


def test_a_group_s_level_is_shown_by_its_name() -> None:
    assert describe.plain({"media": Access.OPERATE}) == {"media": "operate"}


def test_what_a_transfer_was_put_off_for_is_told_without_a_next_try_that_has_passed(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            now = works.clock.now()
            silent = because(Code.WAIT_DOWNLOADER_SILENT, downloader="qb", until=now.timestamp() + 120)
            world = cast(World, SimpleNamespace(board=works.board, clock=works.clock))
            works.board.queue_paused = True
            await works.queue(b"a.mkv")
            later = now + timedelta(hours=1)
            await works.store.asked(lambda store: store.put_off("films", until=later, reason=silent))

            before = describe.transfer(world, await works.one())
            await works.advance(121)
            after = describe.transfer(world, await works.one())

            assert before["reason"] == before["held"][-1]["cause"] == silent.to_wire()
            assert (
                after["reason"] == after["held"][-1]["cause"] == {"code": "wait.downloader-silent", "downloader": "qb"}
            )

    asyncio.run(main())


def test_a_file_that_waits_for_a_downloader_is_told_without_a_next_try_that_has_passed() -> None:
    clock = FakeClock()
    world = cast(World, SimpleNamespace(clock=clock))
    at = clock.now().timestamp()
    passed, to_come = (because(Code.WAIT_DOWNLOADER_SILENT, downloader="qb", until=at + after) for after in (-1, 1))
    one = Pending(task="films", path=b"a.mkv", quiet_since=0.0, event_seen=False, due=0.0)

    told = [describe.pending(world, replace(one, conditions=(each,)))["reasons"] for each in (passed, to_come)]

    assert told == [[{"code": "wait.downloader-silent", "downloader": "qb"}], [to_come.to_wire()]]
