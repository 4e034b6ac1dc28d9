"""A database that somebody has repaired, and that has forgotten what SQLite itself keeps of it."""

import sqlite3
from pathlib import Path

from cloudgather.ports.queue import Added
from queueing import NOW, a_plan, running_store


def test_ids_go_on_behind_the_rows_that_are_there(tmp_path: Path) -> None:
    with running_store(str(tmp_path)) as (store, do):
        ((first, _),) = do(store.add([a_plan(b"a")], now=NOW))
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute("DELETE FROM sqlite_sequence")
    connection.close()

    with running_store(str(tmp_path)) as (store, do):
        assert do(store.add([a_plan(b"b")], now=NOW)) == [(first + 1, Added.NEW)]
