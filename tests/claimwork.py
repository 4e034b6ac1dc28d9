"""A daemon that follows a downloader, and what waits for the downloader's word."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from fakes.downloader import FakeDownloader
from pipework import Works, a_task, working

NAME = b"1.mkv"
"""The file of `an_item`."""


@asynccontextmanager
async def asking(folder: Path, qb: FakeDownloader, **task: Any) -> AsyncIterator[Works]:
    """A daemon that has asked this downloader once."""
    async with working(folder, tasks=[a_task(**{"settle": timedelta(seconds=1), **task})]) as works:
        works.world.downloaders[qb.spec.name] = qb
        await works.claims.take({qb.spec.name: qb.spec})
        works.errands.start(works.claims.serve(qb.spec.name, works.intake))
        await works.rest()
        yield works


async def sighted(works: Works, *paths: bytes, size: int = 100) -> None:
    for path in paths:
        works.world.source.write(path, b"x" * size)
        works.intake.sight("films", path)
    await works.advance(1.0)


def waits(works: Works, path: bytes = NAME) -> set[str]:
    """The conditions that are not met."""
    pending = works.intake.pending.get("films", path)
    return {each.code for each in pending.conditions if each.code.startswith("wait.")} if pending else set()
