"""The store's process is killed at any instant: what it acknowledged is there, and nothing is half there."""

import os
import random
import selectors
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from accounts import assert_history_adds_up
from cloudgather.core.transfer import State
from cloudgather.ports.queue import Chosen
from queueing import running_store

ORDER = [State.QUEUED, State.COPYING, State.PUBLISHING, State.WRITTEN, State.DONE]

# Sixteen workers take files all the way; a line is printed only after the call has returned.
CHILD = """
import asyncio, os, sys
from queueing import NOW, a_plan, claimed, moved_on
from cloudgather.core.transfer import Event
from cloudgather.store.sqlite import open_store

async def worker(store, first):
    for number in range(first, 1_000_000 * (int(sys.argv[2]) + 1), 16):
        ((id, _),) = await store.add([a_plan(b"%d" % number)], now=NOW)
        say(id, "queued")
        transfer = await claimed(store)
        say(transfer.id, "copying")
        for event in (Event.PUBLISH, Event.WRITE, Event.CONFIRM):
            transfer = await moved_on(store, transfer, event)
            say(transfer.id, transfer.state)

def say(id, state):
    os.write(1, b"%d %s\\n" % (id, state.encode()))

async def main():
    store = await open_store(sys.argv[1], now=NOW)
    begin = 1_000_000 * int(sys.argv[2])
    await asyncio.gather(*(worker(store, begin + number) for number in range(16)))

asyncio.run(main())
"""


def killed_after(state_dir: Path, life: int, lines: int) -> list[tuple[int, State]]:
    """What a child that is killed once it has said so many lines has acknowledged."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(state_dir), str(life)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    with child, selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        said = b""
        while said.count(b"\n") < lines:
            assert selector.select(60), "the child says nothing"
            piece = os.read(child.stdout.fileno(), 65536)
            assert piece, "the child has ended by itself"
            said += piece
        child.send_signal(signal.SIGKILL)
        said += child.stdout.read()
    whole = said[: said.rfind(b"\n")].decode().splitlines()
    return [(int(line.split()[0]), State(line.split()[1])) for line in whole]


@pytest.mark.parametrize("seed", range(2))
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    reached: dict[int, State] = {}

    for life in range(4):
        for id, state in killed_after(tmp_path, life, chance.randrange(1, 1500)):
            reached[id] = max(state, reached.get(id, state), key=ORDER.index)
        with running_store(str(tmp_path)) as (store, do):
            rows = {row.id: row for row in do(store.transfers(Chosen(), limit=100_000))}
            counts = do(store.counts())
        assert all(ORDER.index(rows[id].state) >= ORDER.index(state) for id, state in reached.items())
        assert {state: n for (_, _, state), (n, _) in counts.items()} == Counter(row.state for row in rows.values())

    assert reached
    assert_consistent(tmp_path / "state.db")


def assert_consistent(file: Path) -> None:
    """History adds up; ledger and temporaries agree with it."""
    with closing(sqlite3.connect(file)) as connection:
        assert_history_adds_up(connection)
        states = dict(connection.execute("SELECT id, state FROM transfer"))
        ledger = {id for (id,) in connection.execute("SELECT transfer FROM ledger")}
        assert ledger == {id for id, state in states.items() if state in ("written", "done")}
        owners = {id for (id,) in connection.execute("SELECT id FROM transfer WHERE temporary IS NOT NULL")}
        assert owners == {id for id, state in states.items() if state in ("copying", "publishing")}
        assert connection.execute("SELECT transfer FROM debris").fetchall() == []
