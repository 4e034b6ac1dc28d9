"""Line g: a million queued transfers: memory, restart, and how fast they are claimed and finished.

They are rows added through the store, since making the files would take longer than all else. The daemon that is
started over them has their target paused.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from measuring import MIB, Taken, Wrong, cpus, in_turn, walls
from places import kind_of, scratch
from report import Goal, Row
from running import Daemon
from setting import Setting

from cgwire import daemon as daemon_wire
from cgwire import queue as queue_wire
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.transfer import Event, Plan, Sent, Version
from cloudgather.ports.queue import Move, QueueStore, TargetMemory
from cloudgather.store.sqlite import open_store

_TASK, _TARGET = "bench", "cloud"
_ADDED_AT_ONCE = 500
_BATCH = 64  # as the dispatcher of a plain disk claims
_SIZE = 4096


def rows(setting: Setting) -> Iterator[Row]:
    """Memory and restart beside a daemon without a queue; the rate on the RAM disk and on the real one."""
    queued, finished = setting.of(1_000_000, 20_000), setting.of(100 * _BATCH, 10 * _BATCH)
    with setting.scratch() as folder, scratch(setting.disk) as on_disk:
        homes = {"full": os.path.join(folder, "full"), "empty": os.path.join(folder, "empty")}
        asyncio.run(_filled(homes["full"], queued))
        asyncio.run(_filled(homes["empty"], 0))
        yield from _restarts(setting, folder, homes, queued)
        on_disk = shutil.copytree(homes["full"], os.path.join(on_disk, "full"))
        states = {
            kind_of(folder): os.path.join(homes["full"], "state"),
            f"{kind_of(on_disk)} on a disk": os.path.join(on_disk, "state"),
        }
        finishers = {where: partial(_finished, state, finished) for where, state in states.items()}
        taken = in_turn(finishers, setting.runs)
    for where in states:
        yield Row(
            line="g",
            work=f"{_words(queued)}: claimed and finished, by the store",
            where=where,
            unit="/s",
            ours=[finished / each.wall for each in taken[where]],
            cpu=cpus(taken[where]),
            now=Goal(words="3,000/s", least=3_000),
            later=Goal(words="10,000/s", least=10_000),
        )


def _words(queued: int) -> str:
    return f"{queued:,} queued transfers"


# ---- a daemon over them ----------------------------------------------------------------------------------------------


def _restarts(setting: Setting, folder: str, homes: dict[str, str], queued: int) -> list[Row]:
    for name in ("source", "root"):
        os.mkdir(os.path.join(folder, name))
    memory: dict[str, list[float]] = {name: [] for name in homes}
    daemons = {
        name: Daemon(
            home,
            sources={_TASK: os.path.join(folder, "source")},
            root=os.path.join(folder, "root"),
            task="watch = false",
        )
        for name, home in homes.items()
    }
    expected = {"full": queued, "empty": 0}
    contestants = {name: partial(_started, daemons[name], expected[name], memory[name]) for name in homes}
    taken = in_turn(contestants, setting.runs)
    return [
        Row(
            line="g",
            work=f"{_words(queued)}: memory (PSS, agents counted)",
            where=kind_of(folder),
            unit="MiB",
            ours=memory["full"],
            peer="no queue",
            theirs=memory["empty"],
            now=Goal(words="80 MiB", most=80),
            later=Goal(words="flat (1.1)", most=1.1, of_ratio=True),
        ),
        Row(
            line="g",
            work=f"{_words(queued)}: from a restart to the first `status`",
            where=kind_of(folder),
            unit="s",
            ours=walls(taken["full"]),
            peer="no queue",
            theirs=walls(taken["empty"]),
            cpu=cpus(taken["full"]),
            their_cpu=cpus(taken["empty"]),
            now=Goal(words="2 s", most=2.0),
            later=Goal(words="0.5 s", most=0.5),
        ),
    ]


def _started(daemon: Daemon, queued: int, memory: list[float]) -> Taken:
    """From its start to the first status; its memory is taken once it has shown both ends of the queue as well."""
    with daemon:
        status = daemon.ask(daemon_wire.Status())
        taken = Taken(time.perf_counter() - daemon.started, daemon.cpu())
        if (count := status["totals"].get("queued", [0])[0]) != queued:
            raise Wrong(f"{count} transfers are queued, not {queued}")
        for offset in (0, max(0, queued - 50)):
            daemon.ask(queue_wire.List(limit=50, offset=offset))
        memory.append(daemon.pss() / MIB)
    return taken


# ---- the store by itself ---------------------------------------------------------------------------------------------


async def _filled(home: str, count: int) -> None:
    os.mkdir(home)
    now = datetime.now(UTC)
    store = await open_store(os.path.join(home, "state"), now=now)
    try:
        await store.remember_target(TargetMemory(name=_TARGET, paused=True))
        run = await store.start_run(_TASK, "manual", now=now)
        for begin in range(0, count, _ADDED_AT_ONCE):
            await store.add([_plan(each, run) for each in range(begin, min(count, begin + _ADDED_AT_ONCE))], now=now)
        await store.note_run(run, now=now, seen=count, planned=count, skipped=0, problem=None)
    finally:
        await store.close()


def _plan(number: int, run: int) -> Plan:
    path = b"series %04d/season/episode %07d.mkv" % (number // 500, number)
    return Plan(
        task=_TASK,
        path=path,
        target=_TARGET,
        destination=_TASK.encode() + b"/" + path,
        version=Version(size=_SIZE, mtime_ns=number, device=1, inode=number),
        reason=because(Code.GO_MISSING),
        replace=False,
        guessed=True,
        run=run,
    )


def _finished(state: str, count: int) -> Taken:
    return asyncio.run(_finish(state, count))


async def _finish(state: str, count: int) -> Taken:
    """Claim and finish so many in batches, with the moves that a file to a plain disk makes."""
    store = await open_store(state, now=datetime.now(UTC))
    try:
        cpu, begin = time.process_time(), time.perf_counter()
        for _ in range(0, count, _BATCH):
            await _finish_batch(store)
        return Taken(time.perf_counter() - begin, time.process_time() - cpu)
    finally:
        await store.close()


async def _finish_batch(store: QueueStore) -> None:
    now = datetime.now(UTC)
    claimed = await store.claim(_TARGET, now=now, count=_BATCH, most_bytes=None, except_tasks=frozenset())
    if len(claimed) != _BATCH:
        raise Wrong(f"{len(claimed)} transfers were claimed, not {_BATCH}")
    sent = Sent(size=_SIZE, mtime_ns=1, digest=bytes(16), standing=None)
    publishing = await store.move([Move(claimed, Event.PUBLISH, sent=[sent] * _BATCH)], now=now)
    written, stored = because(Code.DONE_WRITTEN), because(Code.DONE_STORED)
    await store.move([Move(publishing, Event.WRITE, reason=written, confirmed=stored, strength="stored")], now=now)
