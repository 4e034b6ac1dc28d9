"""Who looks through a long queue for a pattern keeps nobody else waiting."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.ports.queue import Chosen
from cloudgather.store.sqlite import SqliteStore
from queueing import NOW, a_plan, running_store

_PATTERN = Chosen(glob=b"*.mkv")


async def _list(store: SqliteStore) -> int:
    return len(await store.transfers(_PATTERN, limit=9))


async def _count(store: SqliteStore) -> int:
    return await store.count(_PATTERN)


async def _cancel(store: SqliteStore) -> int:
    return await store.cancel(_PATTERN, reason=because(Code.CANCELLED_OPERATOR), now=NOW)


async def _put_first(store: SqliteStore) -> int:
    return await store.put_first(_PATTERN, now=NOW)


@pytest.mark.parametrize("search", [_list, _count, _cancel, _put_first])
def test_others_are_answered_while_a_search_takes_its_time(
    tmp_path: Path, search: Callable[[SqliteStore], Awaitable[int]]
) -> None:
    async def scenario(store: SqliteStore) -> None:
        await store.add([a_plan(), a_plan(b"film.srt")], now=NOW)
        over = threading.Event()
        # What a search asks for comes after this, as it would after the first million of rows.
        busy = asyncio.ensure_future(store._searcher.do(lambda connection: over.wait(30)))
        searching = asyncio.ensure_future(search(store))
        try:
            counts: Any = await asyncio.wait_for(store.counts(), 20)
            listed = await asyncio.wait_for(store.transfers(Chosen(), limit=9), 20)
            assert not searching.done()
        finally:
            over.set()

        assert (await busy, await searching) == (True, 1)
        assert (sum(count for count, _ in counts.values()), len(listed)) == (2, 2)

    with running_store(str(tmp_path)) as (store, do):
        do(scenario(store))
