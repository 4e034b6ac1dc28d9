"""What is asked often never reads the whole queue."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from sqlite3 import Connection

import pytest

from cloudgather.core.transfer import State
from cloudgather.store import choosing, claiming, history, known, ledger, making, moving
from cloudgather.store.migrating import known_migrations, migrate

NEWER = "SEARCH newer USING COVERING INDEX transfer_path (path=? AND task=? AND rowid>?)"


@pytest.fixture
def connection() -> Iterator[Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as found:
        migrate(found, known_migrations())
        yield found


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (claiming.PROMOTE, "transfer_waiting"),
        (claiming.FIRST, "transfer_ready"),
        (claiming.ANY_READY, "transfer_ready"),
        (claiming.WAITING, "transfer_waiting"),
        (known.UNDER_WAY.format(marks="?"), "transfer_live"),
        (claiming.TASKS, "PRIMARY KEY"),
        (f"SELECT * FROM transfer {choosing.READY} AND task = ? ORDER BY priority DESC, id", "transfer_order"),
        (f"SELECT * FROM transfer {choosing.WAITING} AND target = ? ORDER BY due", "transfer_waiting"),
        ("SELECT * FROM transfer WHERE state IN ('failed') ORDER BY id DESC", "transfer_state"),
        ("SELECT * FROM transfer WHERE path = ? AND task = ? ORDER BY id DESC", "transfer_path"),
        ("SELECT * FROM transfer WHERE run = ?", "transfer_run"),
        ("SELECT * FROM move WHERE transfer = ? ORDER BY id DESC", "move_transfer"),
        ("SELECT * FROM move WHERE task = ? ORDER BY id DESC", "move_task"),
        (ledger.SENT_THERE.format(marks="?"), "ledger_place"),
        ("SELECT * FROM run WHERE task = ? ORDER BY id DESC", "run_task"),
    ],
)
def test_an_index_answers_in_its_own_order(connection: Connection, statement: str, index: str) -> None:
    values = (1,) * statement.count("?")

    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]

    assert len(plan) == 1
    assert index in plan[0]
    assert "TEMP B-TREE" not in plan[0]


def test_what_ended_long_ago_is_found_in_the_order_in_which_it_ended(connection: Connection) -> None:
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {history.OLD}", [1] * history.OLD.count("?"))]

    assert [step for step in plan if "SEARCH transfer " in step] == [
        "SEARCH transfer USING INDEX transfer_ended (updated>? AND updated<?)"
    ]
    assert not [step for step in plan if "SCAN" in step or "TEMP B-TREE" in step]


def test_no_move_evaluates_a_condition_for_which_sqlite_makes_a_table(connection: Connection) -> None:
    indexes = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'transfer'")

    conditions = [sql.partition("WHERE")[2] for (sql,) in indexes]

    assert any(conditions)
    assert not [condition for condition in conditions if " IN " in condition]


@pytest.mark.parametrize(
    ("statement", "ledger", "newer"),
    [(known.UNKNOWN, ["SEARCH ledger USING PRIMARY KEY (task=? AND path=?)"], [NEWER]), (known.NOT_LIVE, [], [])],
    ids=["unknown", "not live"],
)
def test_what_a_scan_found_is_compared_one_by_one(
    connection: Connection, statement: str, ledger: list[str], newer: list[str]
) -> None:
    statement = statement.format(rows="(0, ?, ?, ?), (1, ?, ?, ?)")
    values = [1] * statement.count("?")

    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]

    searches = [step for step in plan if step.startswith("SEARCH")]
    queue = ["SEARCH transfer USING INDEX transfer_path (path=? AND task=?)", *newer]
    assert searches == [*ledger, *queue]
    assert not [step for step in plan if step.startswith(("SCAN ledger", "SCAN transfer", "SCAN newer"))]


def test_what_an_operator_sends_again_is_compared_with_others_of_its_path_only(connection: Connection) -> None:
    statement = f"SELECT id FROM transfer WHERE id = 1 AND {choosing.MAY_GO_AGAIN}"

    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]

    assert [step for step in plan if "newer" in step or "other" in step] == [
        NEWER,
        "SEARCH other USING INDEX transfer_live (task=? AND path=?)",
    ]


@pytest.mark.parametrize(
    ("statement", "columns", "search"),
    [
        (moving.BY_ID, 1, "SEARCH transfer USING INTEGER PRIMARY KEY (rowid=?)"),
        (making.HISTORY, 1, "SEARCH transfer USING INTEGER PRIMARY KEY (rowid=?)"),
        (
            making.update(State.QUEUED, ("state", "updated"), ("tries", "temporary"))[0],
            5,
            "SEARCH transfer USING INTEGER PRIMARY KEY (rowid=?)",
        ),
        (
            making.update(State.COPYING, ("state", "updated"), ("sent",))[0],
            4,
            "SEARCH transfer USING INTEGER PRIMARY KEY (rowid=?)",
        ),
        (
            making.update(State.FAILED, ("state", "binds"), ("generation",))[0],
            4,
            "SEARCH transfer USING INTEGER PRIMARY KEY (rowid=?)",
        ),
        (ledger.WRITE, 3, "SEARCH transfer USING INTEGER PRIMARY KEY (rowid=?)"),
        (ledger.CONFIRM, 3, "SEARCH ledger USING PRIMARY KEY (task=? AND path=?)"),
    ],
)
def test_a_batch_is_found_row_by_row(connection: Connection, statement: str, columns: int, search: str) -> None:
    marks = f"({', '.join('?' * columns)})"

    statement = statement.format(rows=f"{marks}, {marks}")
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", [1] * statement.count("?"))]

    assert search in plan
    assert not [step for step in plan if step.startswith(("SCAN transfer", "SCAN ledger"))]
