"""The store: ports.queue.QueueStore and ports.downloads.DownloadStore on an SQLite database in the state directory."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from cgwire.reasons import Reason
from cloudgather.core.download import Download
from cloudgather.core.download import Event as DownloadEvent
from cloudgather.core.download import State as DownloadState
from cloudgather.core.limits import Spending
from cloudgather.core.transfer import Plan, State, Transfer, Version
from cloudgather.ports.downloads import NewDownload, PastDownloadMove
from cloudgather.ports.queue import (
    Added,
    Chosen,
    Content,
    Debris,
    LedgerEntry,
    Move,
    PastMove,
    Run,
    TargetMemory,
    TaskMemory,
)
from cloudgather.store import (
    adding,
    choosing,
    claiming,
    debris,
    downloads,
    history,
    known,
    ledger,
    moving,
    remembered,
    runs,
    spending,
)
from cloudgather.store.connecting import Reading, Writing
from cloudgather.store.errors import unusable
from cloudgather.store.lane import Lane
from cloudgather.store.locking import StateLock
from cloudgather.store.migrating import Migration, known_migrations
from cloudgather.store.opening import make_folder, open_database

_IN_ONE_STEP: Final = 256


async def open_store(state_dir: str, *, now: datetime, migrations: Sequence[Migration] | None = None) -> "SqliteStore":
    """Lock the state directory, check and if need be make or migrate its database, and open it.

    Raises one of errors.StateRefused; then nothing is locked and nothing was changed.
    """
    known = known_migrations() if migrations is None else migrations
    lock, writing, reading, searching = await asyncio.to_thread(_open, state_dir, now, known)
    return SqliteStore(lock=lock, writing=writing, reading=reading, searching=searching)


def _open(
    state_dir: str, now: datetime, migrations: Sequence[Migration]
) -> tuple[StateLock, Writing, Reading, Reading]:
    make_folder(state_dir)
    lock = StateLock(state_dir)
    try:
        file = open_database(state_dir, now=now, migrations=migrations)
        return lock, *_connect(file)
    except BaseException:
        lock.release()
        raise


def _connect(file: str) -> tuple[Writing, Reading, Reading]:
    with contextlib.ExitStack() as made:
        try:
            writing = Writing(file)
            made.callback(writing.finish)
            reading = Reading(file)
            made.callback(reading.finish)
            searching = Reading(file)
        except sqlite3.Error as error:
            raise unusable(error, file) from error
        made.pop_all()
        return writing, reading, searching


class SqliteStore:
    """ports.queue.QueueStore and ports.downloads.DownloadStore; each method is described there.

    One thread writes and commits in groups, one reads, and one looks through the queue for a pattern: that takes
    seconds in a long one, and nobody else shall wait for it. A call that has returned is on the disk; reads see all
    that has been committed when they begin.
    """

    def __init__(self, *, lock: StateLock, writing: Writing, reading: Reading, searching: Reading) -> None:
        self._lock = lock
        self._fresh = writing.fresh
        self._writer = Lane("store-writer", writing.serve, writing.finish)
        self._reader = Lane("store-reader", reading.serve, reading.finish)
        self._searcher = Lane("store-searcher", searching.serve, searching.finish)

    def _reading(self, chosen: Chosen) -> Lane:
        return self._reader if chosen.glob is None else self._searcher

    async def close(self) -> None:
        """Finish what was asked for, bring the log into the database and let go of the state directory."""
        await self._searcher.close()
        await self._reader.close()
        await self._writer.close()
        self._lock.release()

    async def answers(self) -> None:
        """Ends when each of the threads that the queue lives by has done what it is asked for here: nothing."""
        await asyncio.gather(self._writer.do(_nothing), self._reader.do(_nothing))

    async def add(self, plans: Sequence[Plan], *, now: datetime) -> Sequence[tuple[int, Added]]:
        return await self._writer.do(partial(adding.add_all, plans=plans, now=now, fresh=self._fresh))

    async def claim(
        self,
        target: str,
        *,
        now: datetime,
        count: int,
        most_bytes: int | None,
        except_tasks: frozenset[str],
        daily_limit: int | None = None,
        busy: Mapping[bytes, int] | None = None,
    ) -> Sequence[Transfer]:
        step = partial(
            claiming.claim,
            target=target,
            now=now,
            count=count,
            most_bytes=most_bytes,
            except_tasks=except_tasks,
            daily_limit=daily_limit,
            busy=busy,
            fresh=self._fresh,
        )
        return await self._writer.do(step, urgent=True)

    async def spending(self, *, now: datetime) -> Mapping[str, Spending]:
        return await self._reader.do(partial(spending.spending, now=now))

    async def shift_spending(self, *, now: datetime, hours: int = 0) -> None:
        await self._writer.do(partial(spending.shift, now=now, hours=hours))

    async def move(self, moves: Sequence[Move], *, now: datetime) -> Sequence[Transfer]:
        return await self._writer.do(partial(moving.move_all, moves=moves, now=now), urgent=True)

    async def requeue(self, chosen: Chosen, *, reason: Reason | None = None, now: datetime) -> int:
        return await self._in_pieces(chosen, choosing.TO_REQUEUE, partial(choosing.requeue, reason=reason, now=now))

    async def cancel(self, chosen: Chosen, *, reason: Reason, now: datetime) -> int:
        return await self._in_pieces(chosen, choosing.TO_CANCEL, partial(choosing.cancel, reason=reason, now=now))

    async def redirect(self, task: str, *, target: str, base: bytes) -> int:
        return await self._writer.do(partial(choosing.redirect, task=task, target=target, base=base))

    async def put_off(self, task: str, *, until: datetime, reason: Reason, device: int | None = None) -> int:
        return await self._writer.do(partial(choosing.put_off, task=task, until=until, reason=reason, device=device))

    async def _in_pieces(self, chosen: Chosen, states: Collection[State], order: Callable[..., int]) -> int:
        """An order about many transfers is not one step but many, so that nobody waits long."""
        ids = await self._reading(chosen).do(partial(choosing.ids, chosen=chosen, states=states))
        count = 0
        for begin in range(0, len(ids), _IN_ONE_STEP):
            some = replace(chosen, ids=tuple(ids[begin : begin + _IN_ONE_STEP]))
            count += await self._writer.do(partial(order, chosen=some))
        return count

    async def put_first(self, chosen: Chosen, *, now: datetime) -> int:
        above = await self._searcher.do(choosing.highest)  # of all pieces alike: they keep their order
        return await self._in_pieces(chosen, choosing.TO_PUT_FIRST, partial(choosing.put_first, above=above))

    async def forget(self, chosen: Chosen, *, now: datetime) -> int:
        return await self._in_pieces(chosen, choosing.TO_FORGET, choosing.forget)

    async def transfer(self, id: int) -> Transfer | None:
        return await self._reader.do(partial(moving.transfer, id=id))

    async def transfers(
        self, chosen: Chosen, *, limit: int, offset: int = 0, newest_first: bool = False
    ) -> Sequence[Transfer]:
        step = partial(choosing.listed, chosen=chosen, limit=limit, offset=offset, newest_first=newest_first)
        return await self._reading(chosen).do(step)

    async def count(self, chosen: Chosen) -> int:
        return await self._reading(chosen).do(partial(choosing.count, chosen=chosen))

    async def put_off_there(self, target: str, *, limit: int) -> Sequence[Transfer]:
        return await self._reader.do(partial(choosing.put_off_there, target=target, limit=limit))

    async def ahead(self, transfer: Transfer) -> int:
        return await self._reader.do(partial(choosing.ahead, transfer=transfer))

    async def newest(self, task: str, path: bytes) -> Transfer | None:
        return await self._reader.do(partial(known.newest, task=task, path=path))

    async def counts(self) -> Mapping[tuple[str, str, State], tuple[int, int]]:
        return await self._reader.do(remembered.counts)

    async def next_due(self, target: str, *, except_tasks: frozenset[str] = frozenset()) -> datetime | None:
        return await self._reader.do(partial(claiming.next_due, target=target, except_tasks=except_tasks))

    async def clamp_due(self, *, now: datetime, most: timedelta) -> int:
        return await self._writer.do(partial(claiming.clamp_due, now=now, most=most))

    async def ledger(self, task: str, paths: Sequence[bytes]) -> Mapping[bytes, LedgerEntry]:
        return await self._reader.do(partial(ledger.entries, task=task, paths=paths))

    async def ledger_of(self, task: str, *, after: bytes | None, limit: int) -> Sequence[LedgerEntry]:
        return await self._reader.do(partial(ledger.page, task=task, after=after, limit=limit))

    async def sent_there(self, target: str, places: Sequence[bytes]) -> Sequence[LedgerEntry]:
        return await self._reader.do(partial(ledger.sent_there, target=target, places=places))

    async def adopt(self, entries: Sequence[LedgerEntry]) -> None:
        await self._writer.do(partial(ledger.adopt, entries=entries))

    async def unknown(
        self, task: str, contents: Sequence[Content], *, target: str, base: bytes, force: bool = False
    ) -> frozenset[bytes]:
        step = partial(known.unknown, task=task, contents=contents, target=target, base=base, force=force)
        return await self._reader.do(step)

    async def known(
        self, task: str, paths: Sequence[bytes]
    ) -> tuple[Mapping[bytes, Version], Mapping[bytes, LedgerEntry]]:
        return await self._reader.do(partial(known.known, task=task, paths=paths))

    async def history(
        self,
        *,
        task: str | None,
        path: bytes | None,
        transfer: int | None,
        limit: int,
        before_id: int | None = None,
        outcomes: bool = False,
    ) -> Sequence[tuple[int, PastMove]]:
        step = partial(
            history.moves,
            task=task,
            path=path,
            transfer=transfer,
            limit=limit,
            before_id=before_id,
            outcomes=outcomes,
        )
        return await self._reader.do(step)

    async def debris(self, target: str | None = None) -> Sequence[Debris]:
        return await self._reader.do(partial(debris.unowned, target=target))

    async def leave(self, transfer: Transfer, path: bytes) -> None:
        await self._writer.do(partial(debris.leave, row=transfer, path=path))

    async def swept(self, ids: Sequence[int]) -> None:
        await self._writer.do(partial(debris.swept, ids=ids))

    async def start_run(self, task: str, trigger: str, *, now: datetime) -> int:
        return await self._writer.do(partial(runs.start, task=task, trigger=trigger, now=now))

    async def note_run(
        self, run: int, *, now: datetime, seen: int, planned: int, skipped: int, problem: Reason | None
    ) -> None:
        step = partial(runs.note, run=run, now=now, seen=seen, planned=planned, skipped=skipped, problem=problem)
        await self._writer.do(step)

    async def interrupt_runs(self, *, reason: Reason, now: datetime) -> int:
        return await self._writer.do(partial(runs.interrupt, reason=reason, now=now))

    async def runs(self, task: str | None, *, limit: int) -> Sequence[Run]:
        return await self._reader.do(partial(runs.newest, task=task, limit=limit))

    async def run(self, id: int) -> Run | None:
        return await self._reader.do(partial(runs.one, id=id))

    async def prune(self, *, before: datetime) -> int:
        """Not one step but many, so that nobody waits long; interrupted, the next one goes on."""
        removed = 0
        for state in history.ENDED:
            look_on: int | None = 0
            while look_on is not None:
                step = partial(history.prune_some, state=state, before=before, after=look_on)
                gone, look_on = await self._writer.do(step)
                removed += gone
        await self._writer.do(partial(runs.prune, before=before))
        await self._writer.do(partial(downloads.prune, before=before))
        return removed

    async def tasks(self) -> Mapping[str, TaskMemory]:
        return await self._reader.do(remembered.tasks)

    async def remember_task(self, memory: TaskMemory) -> None:
        await self._writer.do(partial(remembered.remember_task, memory=memory))

    async def targets(self) -> Mapping[str, TargetMemory]:
        return await self._reader.do(remembered.targets)

    async def remember_target(self, memory: TargetMemory) -> None:
        await self._writer.do(partial(remembered.remember_target, memory=memory))

    async def flags(self) -> Mapping[str, str]:
        return await self._reader.do(remembered.flags)

    async def set_flag(self, name: str, value: str | None) -> None:
        await self._writer.do(partial(remembered.set_flag, name=name, value=value))

    async def add_download(self, new: NewDownload, *, now: datetime) -> Download:
        return await self._writer.do(partial(downloads.add, new=new, now=now))

    async def download(self, id: int) -> Download | None:
        return await self._reader.do(partial(downloads.one, id=id))

    async def downloads(self, *, uid: int | None) -> Sequence[Download]:
        return await self._reader.do(partial(downloads.listed, uid=uid))

    async def open_downloads(self) -> Sequence[Download]:
        return await self._reader.do(downloads.unfinished)

    async def download_of(self, infohash: str) -> Download | None:
        return await self._reader.do(partial(downloads.of_infohash, infohash=infohash))

    async def torrent(self, id: int) -> bytes | None:
        return await self._reader.do(partial(downloads.torrent, id=id))

    async def move_download(
        self,
        id: int,
        before: DownloadState,
        event: DownloadEvent,
        *,
        reason: Reason | None = None,
        changes: Mapping[str, Any] | None = None,
        now: datetime,
    ) -> Download:
        step = partial(downloads.move, id=id, before=before, event=event, reason=reason, changes=changes or {}, now=now)
        return await self._writer.do(step)

    async def note_download(
        self, id: int, before: DownloadState, changes: Mapping[str, Any], *, now: datetime
    ) -> Download:
        return await self._writer.do(partial(downloads.note, id=id, before=before, changes=changes, now=now))

    async def download_history(self, id: int) -> Sequence[PastDownloadMove]:
        return await self._reader.do(partial(downloads.history, id=id))


def _nothing(connection: sqlite3.Connection) -> None:
    pass
