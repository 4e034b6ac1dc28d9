"""What is asked often never reads the whole queue."""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from sqlite3 import Connection

import pytest

from cloudgather.core.transfer import LIVE, State
from cloudgather.ports.queue import Added, Chosen
from cloudgather.store import adding, choosing, claiming, history, known, ledger, making, moving
from cloudgather.store.fresh import Fresh
from cloudgather.store.migrating import known_migrations, migrate
from queueing import NOW, a_plan, content

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
        (f"SELECT * FROM transfer {choosing.IN_TURN} AND task = ? ORDER BY priority DESC, id", "transfer_order"),
        (f"SELECT * FROM transfer {choosing.WAITING} AND target = ? ORDER BY due", "transfer_waiting"),
        ("SELECT * FROM transfer WHERE path = ? AND task = ? ORDER BY id DESC", "transfer_path"),
        ("SELECT * FROM transfer WHERE run = ?", "transfer_run"),
        ("SELECT * FROM move WHERE task = ? ORDER BY id DESC", "move_task"),
        (ledger.SENT_THERE.format(marks="?"), "ledger_place"),
        (ledger.SENT_NEAR, "ledger_place (target=? AND folded>? AND folded<?)"),
        (adding.NEAR, "COVERING INDEX transfer_path (path>? AND path<?)"),
        ("SELECT * FROM run WHERE task = ? ORDER BY id DESC", "run_task"),
    ],
)
def test_an_index_answers_in_its_own_order(connection: Connection, statement: str, index: str) -> None:
    values = (1,) * statement.count("?")

    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]

    assert len(plan) == 1
    assert index in plan[0]
    assert "TEMP B-TREE" not in plan[0]


def test_what_ended_long_ago_is_looked_for_by_how_it_ended(connection: Connection) -> None:
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {history.OLD}", [1] * history.OLD.count("?"))]

    assert [step for step in plan if "SEARCH transfer " in step] == [
        "SEARCH transfer USING INDEX transfer_not_live (state=? AND id>? AND id<?)"
    ]
    assert not [step for step in plan if "SCAN" in step or "TEMP B-TREE" in step]


def test_a_step_of_pruning_that_finds_nothing_is_short(connection: Connection) -> None:
    adding.add_all(connection, [a_plan(b"%d" % number) for number in range(20_000)], NOW, fresh=Fresh(connection))
    connection.execute("UPDATE transfer SET state = 'done', live = 0")
    steps: list[int] = []
    connection.set_progress_handler(lambda: steps.append(10), 10)

    gone, look_on = history.prune_some(connection, State.DONE, NOW, 0)

    assert gone == 0
    assert look_on is not None
    assert 0 < sum(steps) < 20_000


def test_what_is_moved_together_is_a_few_rows_of_history(connection: Connection) -> None:
    fresh = Fresh(connection)
    adding.add_all(connection, [a_plan(b"%d" % number) for number in range(600)], NOW, fresh=fresh)

    claiming.claim(connection, "cloud", NOW, 600, None, frozenset(), fresh=fresh)

    spans = connection.execute("SELECT id, first, last FROM move ORDER BY id").fetchall()
    assert spans == [(1, 1, 256), (257, 257, 512), (513, 513, 600)]


def test_history_goes_with_the_last_that_it_tells_of(connection: Connection) -> None:
    """Also where a step of pruning ends in the midst of what was moved together."""
    fresh = Fresh(connection)
    adding.add_all(connection, [a_plan(b"%d" % number) for number in range(1200)], NOW, fresh=fresh)
    claiming.claim(connection, "cloud", NOW, 1200, None, frozenset(), fresh=fresh)
    connection.execute("UPDATE transfer SET state = 'done', live = 0")

    left: list[tuple[int, int | None]] = []
    look_on: int | None = 0
    while look_on is not None:
        _, look_on = history.prune_some(connection, State.DONE, NOW + timedelta(1), look_on)
        left += connection.execute("SELECT count(*), min(first) FROM move").fetchall()

    assert left == [(4, 257), (2, 769), (0, None), (0, None)]


@pytest.mark.parametrize(
    ("statement", "searches"),
    [
        (
            f"{history.BY_TIME} WHERE move.id < ? ORDER BY {history.ORDER}",
            [
                "SEARCH move USING INTEGER PRIMARY KEY (rowid<?)",
                "SEARCH transfer USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
            ],
        ),
        (
            f"{history.BY_TIME} WHERE move.task = ? ORDER BY {history.ORDER}",
            [
                "SEARCH move USING INDEX move_task (task=?)",
                "SEARCH transfer USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
            ],
        ),
        (
            f"{history.BY_TRANSFER} WHERE path = ?",
            [
                "SEARCH transfer USING COVERING INDEX transfer_path (path=?)",
                "SEARCH move USING INDEX move_transfer (first>? AND first<?)",
            ],
        ),
        (
            f"{history.BY_TRANSFER} WHERE transfer.id = ?",
            [
                "SEARCH transfer USING INTEGER PRIMARY KEY (rowid=?)",
                "SEARCH move USING INDEX move_transfer (first>? AND first<?)",
            ],
        ),
        (
            history.FORGET,
            [
                "SEARCH move USING COVERING INDEX move_transfer (first>? AND first<?)",
                "CORRELATED SCALAR SUBQUERY 1",
                "SEARCH transfer USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
            ],
        ),
    ],
)
def test_a_page_of_history_is_read_in_its_order(connection: Connection, statement: str, searches: list[str]) -> None:
    values = (1,) * (2 if "?2" in statement else statement.count("?"))

    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]

    assert plan == searches


def test_a_claim_prepares_no_statement_for_each_task(connection: Connection) -> None:
    """An authorizer is asked while a statement is prepared, and only then."""
    fresh = Fresh(connection)
    adding.add_all(connection, [a_plan(b"film", task=f"download:{number}") for number in range(300)], NOW, fresh=fresh)
    claiming.claim(connection, "cloud", NOW, 1, None, frozenset(), fresh=fresh)
    asked: list[object] = []

    def allowed(*what: object) -> int:
        asked.append(what)
        return sqlite3.SQLITE_OK

    connection.set_authorizer(allowed)

    claimed = claiming.claim(connection, "cloud", NOW, 1, None, frozenset(), fresh=fresh)

    assert len(claimed) == 1
    assert len(asked) < 1000


QUEUED = {"SCAN transfer USING INDEX transfer_order", "SCAN transfer USING INDEX transfer_waiting"}
QUEUED_FOR_TARGET = {
    "SEARCH transfer USING INDEX transfer_ready (target=?)",
    "SEARCH transfer USING INDEX transfer_waiting (target=? AND due>?)",
}
QUEUED_OF_TASK = {"SEARCH transfer USING INDEX transfer_live (task=?)"}
UNDER_WAY = {"SCAN transfer USING INDEX transfer_under_way"}
NOT_LIVE = {"SEARCH transfer USING INDEX transfer_not_live (state=?)"}


@pytest.mark.parametrize(
    ("states", "chosen", "by"),
    [
        (frozenset(State) - LIVE, Chosen(), NOT_LIVE),
        (frozenset(State) - LIVE, Chosen(task="films"), NOT_LIVE),
        ({State.COPYING, State.PUBLISHING}, Chosen(target="cloud"), UNDER_WAY),
        ({State.COPYING, State.WRITTEN}, Chosen(task="films"), UNDER_WAY | NOT_LIVE),
        (choosing.TO_CANCEL, Chosen(), QUEUED | UNDER_WAY | NOT_LIVE),
        (choosing.TO_CANCEL, Chosen(target="cloud"), QUEUED_FOR_TARGET | UNDER_WAY | NOT_LIVE),
        (choosing.TO_CANCEL, Chosen(task="films"), QUEUED_OF_TASK | UNDER_WAY | NOT_LIVE),
    ],
)
def test_those_in_a_state_are_found_apart_from_all_others(
    connection: Connection, states: Collection[State], chosen: Chosen, by: set[str]
) -> None:
    those, values = choosing.among(replace(chosen, states=frozenset(states)), "id")

    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {those} ORDER BY id DESC LIMIT 50", values)]

    assert {step for step in plan if " transfer" in step} == by
    assert State.QUEUED in states or not [step for step in plan if "TEMP B-TREE" in step]


@pytest.mark.parametrize("chosen", [Chosen(ids=(1, 2), task="films"), Chosen(run=1, task="films")], ids=["ids", "run"])
def test_those_of_a_run_or_that_are_named_are_looked_for_by_that(connection: Connection, chosen: Chosen) -> None:
    those, values = choosing.among(replace(chosen, states=frozenset(State)), "id")

    (step,) = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {those} ORDER BY id", values)]

    assert step.startswith("SEARCH transfer USING INTEGER PRIMARY KEY" if chosen.ids else "SEARCH transfer USING INDEX")
    assert chosen.ids or "transfer_run (run=?)" in step


@pytest.mark.parametrize(
    ("statement", "by"),
    [
        (choosing.REDIRECT, "transfer_live (task=?)"),
        (choosing.UNBIND, "transfer_not_live (state=?)"),
        (choosing.PUT_OFF, "transfer_live (task=?)"),
    ],
)
def test_what_a_task_has_queued_is_changed_without_a_look_at_others(
    connection: Connection, statement: str, by: str
) -> None:
    names = ("task", "target", "prefix", "length", "standing", "until", "reason", "device")

    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", dict.fromkeys(names, 1))]

    assert plan == [f"SEARCH transfer USING INDEX {by}"]


def test_at_a_start_only_what_waits_is_looked_at(connection: Connection) -> None:
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {claiming.CLAMP}", {"latest": 1})]

    assert plan == ["SCAN transfer USING INDEX transfer_waiting"]


def test_the_highest_priority_is_found_among_what_is_queued(connection: Connection) -> None:
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {choosing.HIGHEST}")]

    assert [step for step in plan if " transfer" in step] == [
        "SCAN transfer USING INDEX transfer_ready",
        "SCAN transfer USING INDEX transfer_waiting",
    ]


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


def test_whether_anything_is_near_is_asked_of_the_ends_only(connection: Connection) -> None:
    values = {"task": "films", "first": b"a", "last": b"b"}

    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {known.NEAR}", values)]

    assert [step for step in plan if step.startswith(("SEARCH", "SCAN"))] == [
        "SEARCH ledger USING PRIMARY KEY (task=? AND path>? AND path<?)",
        "SEARCH transfer USING COVERING INDEX transfer_path (path>? AND path<?)",
    ]


def test_of_files_where_nothing_is_known_none_is_asked_for_by_itself(connection: Connection) -> None:
    fresh = Fresh(connection)
    adding.add_all(connection, [a_plan(b"a/film"), a_plan(b"c/film")], NOW, fresh=fresh)
    contents = [content(b"b/%03d" % number) for number in range(256)]
    steps: list[int] = []
    connection.set_progress_handler(lambda: steps.append(1), 1)

    new = known.unknown(connection, "films", contents, "cloud", b"base", False)
    nothing = known.known(connection, "films", [path for path, _, _ in contents])

    assert new == {path for path, _, _ in contents}
    assert nothing == ({}, {})
    assert 0 < len(steps) < 256


@pytest.mark.parametrize("number", [0, 100, 255], ids=["first", "between", "last"])
def test_one_that_is_known_among_new_files_is_found(connection: Connection, number: int) -> None:
    fresh = Fresh(connection)
    paths = [b"b/%03d" % each for each in range(256)]
    adding.add_all(connection, [a_plan(paths[number])], NOW, fresh=fresh)

    new = known.unknown(connection, "films", [content(path) for path in paths], "cloud", b"base", False)
    added = adding.add_all(connection, [a_plan(path) for path in paths], NOW, fresh=fresh)

    assert {*paths} - new == {paths[number]}
    assert [how for _, how in added].count(Added.KNOWN) == 1
    assert added[number] == (1, Added.KNOWN)


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
        (
            making.update(State.QUEUED, ("state", "updated", "tries"), ("temporary",), ("generation", "tries"))[0],
            2,
            "SEARCH transfer USING INTEGER PRIMARY KEY (rowid=?)",
        ),
        (
            making.update(State.COPYING, ("state", "updated"), ("sent",), ())[0],
            4,
            "SEARCH transfer USING INTEGER PRIMARY KEY (rowid=?)",
        ),
        (
            making.update(State.FAILED, ("state", "binds"), ("generation",), ("tries",))[0],
            3,
            "SEARCH transfer USING INTEGER PRIMARY KEY (rowid=?)",
        ),
        (
            making.update(State.PUBLISHING, ("state", "temporary"), (), ("generation", "tries"))[0],
            2,
            "SEARCH transfer USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
        ),
        (ledger.WRITE, 3, "SEARCH transfer USING INTEGER PRIMARY KEY (rowid=?)"),
        (ledger.CONFIRM, 3, "SEARCH ledger USING PRIMARY KEY (task=? AND path=?)"),
    ],
)
@pytest.mark.parametrize("rows", [1, 256])
def test_a_batch_is_found_row_by_row(
    connection: Connection, statement: str, columns: int, search: str, rows: int
) -> None:
    marks = ", ".join([f"({', '.join('?' * columns)})"] * rows)

    statement = statement.format(rows=marks)
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", [1] * statement.count("?"))]

    assert search in plan
    assert not [step for step in plan if step.startswith(("SCAN transfer", "SCAN ledger"))]
