"""Goes over the books of a daemon that does not run: does the database hold together, and does history add up?"""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import Connection

from cloudgather.core.transfer import MOVES, Event, State


@contextmanager
def copied(state_dir: Path, scratch: Path) -> Iterator[Connection]:
    """A copy of the database as a killed daemon left it, opened: SQLite would put the original itself right."""
    scratch.mkdir(exist_ok=True)
    for name in ("state.db", "state.db-wal"):
        (scratch / name).unlink(missing_ok=True)
        if (state_dir / name).exists():
            shutil.copyfile(state_dir / name, scratch / name)
    with closing(sqlite3.connect(scratch / "state.db")) as connection:
        yield connection


def states(connection: Connection) -> Counter[State]:
    """How many transfers are in each state."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'transfer'").fetchall():
        return Counter()
    found = connection.execute("SELECT state, count(*) FROM transfer GROUP BY state")
    return Counter({State(state): count for state, count in found})


def told(connection: Connection) -> Iterator[tuple[int, str, str, str]]:
    """History, oldest first: transfer, event, states before and after."""
    for first, last, *line in connection.execute("SELECT first, last, event, before, after FROM move ORDER BY id"):
        for transfer in range(first, last + 1):
            yield transfer, *line


def assert_history_adds_up(connection: Connection) -> None:
    """Each transfer's moves lead, by the table, to the state that it has; what is counted is there."""
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    at: dict[int, State] = {}
    claims: Counter[int] = Counter()
    for id, event, before, after in told(connection):
        assert at.get(id, State.QUEUED) == before, f"transfer {id} moved from {before} and was {at.get(id)}"
        assert MOVES[State(before)][Event(event)] == after
        at[id] = State(after)
        claims[id] += event == "claim"
    rows = connection.execute("SELECT id, state, tries FROM transfer").fetchall()
    assert {id: state for id, state, _ in rows} == {id: at.get(id, State.QUEUED) for id, _, _ in rows}
    assert {id: tries for id, _, tries in rows} == {id: claims[id] for id, _, _ in rows}
    counted = connection.execute("SELECT task, target, state, transfers, bytes FROM counter WHERE transfers")
    shown = "SELECT task, target, state, count(*), sum(size) FROM transfer WHERE NOT cleared GROUP BY 1, 2, 3"
    assert set(counted) == set(connection.execute(shown))
    live = "state IN ('queued', 'copying', 'publishing')"
    counted = connection.execute(f"SELECT run, state, transfers, bytes FROM tally WHERE transfers AND {live}")
    shown = f"SELECT run, state, count(*), sum(size) FROM transfer WHERE run IS NOT NULL AND {live} GROUP BY 1, 2"
    assert set(counted) == set(connection.execute(shown))
    assert not connection.execute(f"SELECT id, state, live FROM transfer WHERE live != ({live})").fetchall()
    under_way = "state IN ('copying', 'publishing')"
    wrong = f"SELECT id, state, temporary FROM transfer WHERE (temporary IS NOT NULL) != ({under_way})"
    assert not connection.execute(wrong).fetchall()


def times_written(connection: Connection) -> Counter[tuple[str, bytes]]:
    """(task, path) -> how often history says that it was published."""
    return Counter(
        {
            (task, path): count
            for task, path, count in connection.execute(
                "SELECT transfer.task, path, count(*) FROM move JOIN transfer ON transfer.id BETWEEN first AND last "
                "WHERE event = 'write' GROUP BY transfer.task, path"
            )
        }
    )
