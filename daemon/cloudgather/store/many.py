"""Statements about many rows at once.

sqlite3 lets go of the interpreter's lock at each step of a statement and has to win it back from the event loop: a
statement for each row of a batch does so hundreds of times, one for all of them once, and the loop runs meanwhile.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from sqlite3 import Connection, Cursor
from typing import Any, Final

# Few sizes, so that the connection finds each statement prepared. The largest has fewer values than SQLite takes.
_SIZES: Final = (256, 64, 16, 4, 2, 1)


def execute(
    connection: Connection,
    statement: str,
    rows: Sequence[tuple[Any, ...]],
    shared: tuple[Any, ...] = (),
    last: tuple[Any, ...] = (),
) -> int:
    """Execute it with its `{rows}` replaced by marks for some of the rows, until all are done; how many it changed.

    All rows have as many values as the first. Before and behind their marks come those of the values that they share.
    """
    return sum(cursor.rowcount for cursor in _executed(connection, statement, rows, shared, last))


def fetch(
    connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]], shared: tuple[Any, ...] = ()
) -> list[tuple[Any, ...]]:
    """Execute it in the same way; all that it answers, in any order."""
    return [row for cursor in _executed(connection, statement, rows, shared, ()) for row in cursor.fetchall()]


def runs(ids: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each run of these, at least one: those of a batch are mostly of one run."""
    begins = [number for number, id in enumerate(ids) if not number or id != ids[number - 1] + 1]
    return [(ids[begin], ids[end - 1]) for begin, end in zip(begins, [*begins[1:], len(ids)], strict=True)]


def _executed(
    connection: Connection,
    statement: str,
    rows: Sequence[tuple[Any, ...]],
    shared: tuple[Any, ...],
    last: tuple[Any, ...],
) -> Iterator[Cursor]:
    for some in _in_sizes(rows):
        marks = _with_marks(statement, len(some[0]), len(some))
        yield connection.execute(marks, (*shared, *chain.from_iterable(some), *last))


def _in_sizes(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    begin = 0
    while begin < len(rows):
        size = next(size for size in _SIZES if size <= len(rows) - begin)
        yield rows[begin : begin + size]
        begin += size


@lru_cache(maxsize=128)
def _with_marks(statement: str, columns: int, rows: int) -> str:
    return statement.format(rows=", ".join([f"({', '.join('?' * columns)})"] * rows))
