"""Builders for plans and moves, and a store to try them on."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.transfer import Event, Plan, Sent, Transfer, Version
from cloudgather.ports.queue import Content, Move, QueueStore
from cloudgather.store.migrating import Migration
from cloudgather.store.sqlite import SqliteStore, open_store

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)

STRANGE = [
    b"\xff\xfe not utf-8",
    b"new\nline",
    b"-leading dash",
    "电影/第一集 🎬.mkv".encode(),
    b"trailing dot. ",
    b"deep/" + b"n" * 255,
    b"quote'\"%_?*[",
    b"nul-free but \x01 odd",
]
"""Names that a file may have and programs stumble over."""

Do = Callable[[Coroutine[Any, Any, Any]], Any]


def a_version(*, size: int = 100, mtime_ns: int = 1_000, device: int = 1, inode: int = 2) -> Version:
    return Version(size=size, mtime_ns=mtime_ns, device=device, inode=inode)


def content(path: bytes = b"film.mkv", *, size: int = 100, mtime_ns: int = 1_000) -> Content:
    """Of `a_version`, unless told otherwise."""
    return path, size, mtime_ns


def a_plan(path: bytes = b"film.mkv", **changes: Any) -> Plan:
    plan = Plan(
        task="films",
        path=path,
        target="cloud",
        destination=b"base/" + path,
        version=a_version(),
        reason=because(Code.GO_MISSING),
        replace=False,
        guessed=True,
    )
    return plan._replace(**changes)


def a_sent(**changes: Any) -> Sent:
    return Sent(size=100, mtime_ns=1_000, digest=bytes(16), standing=None)._replace(**changes)


def a_move(transfer: Transfer, event: Event, **facts: Any) -> Move:
    """A move of the transfer as it is known, with the facts that its event needs."""
    if event is Event.PUBLISH:
        facts.setdefault("sent", [a_sent(size=transfer.version.size)])
    return Move([transfer], event, **facts)


@contextmanager
def running_store(state_dir: str, migrations: Sequence[Migration] | None = None) -> Iterator[tuple[SqliteStore, Do]]:
    """An open store, and what runs its coroutines to their end; `migrations`: as an older daemon had it."""
    with asyncio.Runner() as runner:
        store = runner.run(open_store(state_dir, now=NOW, migrations=migrations))
        try:
            yield store, runner.run
        finally:
            runner.run(store.close())


async def passed(
    store: QueueStore, contents: Sequence[Content], *, task: str = "films", force: bool = False
) -> frozenset[bytes]:
    """Those of these paths whose content is not unknown."""
    unknown = await store.unknown(task, contents, target="cloud", base=b"base", force=force)
    return frozenset(path for path, _, _ in contents) - unknown


async def claimed(store: QueueStore, target: str = "cloud", *, now: datetime = NOW) -> Transfer:
    """The next transfer of the target; there must be one."""
    (transfer,) = await store.claim(target, now=now, count=1, most_bytes=None, except_tasks=frozenset())
    return transfer


async def moved_on(store: QueueStore, transfer: Transfer, *events: Event, now: datetime = NOW) -> Transfer:
    """The transfer after these moves."""
    for event in events:
        (transfer,) = await store.move([a_move(transfer, event)], now=now)
    return transfer


def failed(store: QueueStore, do: Do, **plan: Any) -> Transfer:
    """A transfer that gave up."""
    do(store.add([a_plan(**plan)], now=NOW))
    transfer: Transfer = do(moved_on(store, do(claimed(store)), Event.GIVE_UP))
    return transfer


def written(store: QueueStore, do: Do, **plan: Any) -> Transfer:
    """A transfer whose file stands under its final name, unconfirmed."""
    do(store.add([a_plan(**plan)], now=NOW))
    transfer: Transfer = do(moved_on(store, do(claimed(store)), Event.PUBLISH, Event.WRITE))
    return transfer
