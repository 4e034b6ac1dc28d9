"""A batch comes to the same as its rows one by one, however many they are."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from sqlite3 import Connection

import pytest

from cloudgather.store import many


@pytest.fixture
def connection() -> Iterator[Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as found:
        found.execute("CREATE TABLE number (value INTEGER, name TEXT)")
        yield found


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 85, 255, 256, 257, 600])
def test_each_row_is_written_once_and_in_its_turn(connection: Connection, count: int) -> None:
    rows = [(number, f"{number}") for number in range(count)]

    changed = many.execute(connection, "INSERT INTO number (value, name) VALUES {rows}", rows)

    assert changed == count
    assert connection.execute("SELECT value, name FROM number ORDER BY rowid").fetchall() == rows


def test_only_rows_that_were_found_count_as_changed(connection: Connection) -> None:
    many.execute(connection, "INSERT INTO number (value, name) VALUES {rows}", [(each, "") for each in range(300)])

    changed = many.execute(
        connection,
        "UPDATE number SET name = found.column2 FROM (VALUES {rows}) AS found WHERE value = found.column1",
        [(each, "found") for each in range(200, 500)],
    )

    assert changed == 100
    assert connection.execute("SELECT count(*) FROM number WHERE name = 'found'").fetchone() == (100,)


def test_few_statements_do_for_all_sizes(connection: Connection) -> None:
    """The connection keeps 128 of them prepared."""
    statements: set[str] = set()
    connection.set_trace_callback(lambda statement: statements.add(str(statement.count("("))))

    for count in range(1, 300):
        many.execute(connection, "INSERT INTO number (value, name) VALUES {rows}", [(0, "")] * count)

    assert len(statements) <= 6


@pytest.mark.parametrize(
    ("ids", "runs"),
    [
        ([7], [(7, 7)]),
        ([7, 8, 9], [(7, 9)]),
        ([1, 3, 4, 9], [(1, 1), (3, 4), (9, 9)]),
        ([5, 4, 5, 6, 2], [(5, 5), (4, 6), (2, 2)]),
    ],
)
def test_ids_are_told_in_runs(ids: list[int], runs: list[tuple[int, int]]) -> None:
    assert many.runs(ids) == runs
