"""Bringing one file over: what each failure at each step leads to."""

import asyncio
import errno
from pathlib import Path

import pytest

from pipework import working


def test_a_file_arrives(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(b"a.mkv", content=b"0123456789")

            assert (await works.states()) == {b"a.mkv": "done"}
            assert {p: f.content for p, f in works.target.files.items()} == {b"films/a.mkv": b"0123456789"}
            assert await works.events((await works.one()).id) == ["claim", "publish", "write", "confirm"]

    asyncio.run(main())
