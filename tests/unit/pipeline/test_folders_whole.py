"""Folders whose files go together (`send = "folder"`)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.task import Filter, Send
from cloudgather.ports.source import Absent
from pipework import a_task, working

TOGETHER: dict[str, Any] = {"tasks": [a_task(send=Send.FOLDER)]}


def test_a_folder_goes_when_its_last_file_is_ready(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, **TOGETHER) as works:
            works.world.source.write(b"show/b.mkv")
            await works.queue(b"show/a.mkv", b"single.mkv")
            assert await works.states() == {b"single.mkv": "done"}
            pending = works.intake.pending.get("films", b"show/a.mkv")
            assert pending is not None
            assert because(Code.WAIT_UNIT, unit=b"show", blocker=b"show/b.mkv", blockers=1) in pending.conditions

            await works.advance(60)

            assert await works.states() == {b"single.mkv": "done", b"show/a.mkv": "done", b"show/b.mkv": "done"}
            assert len(works.intake.pending) == 0

    asyncio.run(main())


def test_a_file_that_nobody_told_of_holds_its_folder(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, **TOGETHER) as works:
            works.world.source.write(b"show/a.mkv")
            works.world.source.write(b"show/b.mkv")
            works.intake.sight("films", b"show/a.mkv")
            await works.advance(61)
            assert await works.states() == {}  # b has just been found

            await works.advance(60)

            assert await works.states() == {b"show/a.mkv": "done", b"show/b.mkv": "done"}

    asyncio.run(main())


@pytest.mark.parametrize("blocker", [b"show/b.mkv.part", b"show/c/d.!qB"])
def test_an_unfinished_name_holds_its_folder(tmp_path: Path, blocker: bytes) -> None:
    async def main() -> None:
        async with working(tmp_path, **TOGETHER) as works:
            works.world.source.write(blocker, age=3600)
            await works.queue(b"show/a.mkv")
            await works.advance(600)
            assert await works.states() == {}

            works.world.source.remove(blocker)
            works.intake.sight("films", blocker)
            await works.advance(61)

            assert await works.states() == {b"show/a.mkv": "done"}

    asyncio.run(main())


def test_what_is_not_wanted_holds_no_folder(tmp_path: Path) -> None:
    async def main() -> None:
        task = a_task(send=Send.FOLDER, filter=Filter(exclude=(b"*.nfo",)))
        async with working(tmp_path, tasks=[task]) as works:
            works.world.source.write(b"show/a.nfo")
            works.world.source.write(b"show/Thumbs.db")
            works.world.source.others[b"show/link"] = Absent.SYMLINK
            await works.queue(b"show/a.mkv")

            assert await works.states() == {b"show/a.mkv": "done"}

    asyncio.run(main())


def test_a_file_that_changed_while_its_folder_waited_is_settled_anew(tmp_path: Path) -> None:
    """The walk that is to release the folder finds it; nobody else will look at it again."""

    async def main() -> None:
        async with working(tmp_path, **TOGETHER) as works:
            source = works.world.source
            source.write(b"show/a.mkv", age=3600)
            source.write(b"show/b.mkv", age=30)
            await works.scan()
            await works.advance(29.9)
            assert await works.states() == {}
            source.write(b"show/a.mkv", b"another version")

            await works.advance(0.2)  # b is ready, a is not any more
            assert await works.states() == {}
            await works.advance(61)

            assert await works.states() == {b"show/a.mkv": "done", b"show/b.mkv": "done"}
            assert works.target.files[b"films/show/a.mkv"].content == b"another version"

    asyncio.run(main())


def test_the_one_that_would_release_its_folder_changes_at_that_moment(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, **TOGETHER) as works:
            source = works.world.source
            source.write(b"show/a.mkv")
            scan = source.scan

            def changed_before_the_walk(below: bytes = b"") -> Any:
                if below == b"show" and source.files[b"show/a.mkv"].content == b"content":
                    source.write(b"show/a.mkv", b"another version")
                return scan(below)

            source.scan = changed_before_the_walk  # type: ignore[method-assign]  # the walk that is to release it
            works.intake.sight("films", b"show/a.mkv")
            await works.advance(60)
            assert await works.states() == {}
            assert source.files[b"show/a.mkv"].content == b"another version"
            await works.advance(61)

            assert await works.states() == {b"show/a.mkv": "done"}
            assert works.target.files[b"films/show/a.mkv"].content == b"another version"

    asyncio.run(main())
