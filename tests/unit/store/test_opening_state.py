"""Opening a state directory: what is refused, what is kept, what is never touched."""

import asyncio
import os
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from cgwire.codes import Code
from cloudgather.core.transfer import LIVE, Event, State
from cloudgather.ports.queue import Added, Chosen
from cloudgather.store.errors import (
    StateCorrupt,
    StateForeign,
    StateLocked,
    StateNewer,
    StateRefused,
    StateUnusable,
)
from cloudgather.store.migrating import Migration, known_migrations
from cloudgather.store.sqlite import open_store
from queueing import NOW, a_plan, a_version, moved_on, passed, running_store

KNOWN = known_migrations()[-1].number
NEXT = Migration(number=KNOWN + 1, sql="CREATE TABLE next (value); -- with\nINSERT INTO next VALUES ('a;b');")
BROKEN = Migration(number=KNOWN + 1, sql="CREATE TABLE next (value);\nINSERT INTO nowhere VALUES (1);")


async def made_by(state_dir: Path, migrations: Sequence[Migration]) -> None:
    store = await open_store(str(state_dir), now=NOW, migrations=migrations)
    await store.close()


def open_and_close(state_dir: Path, *more: Migration) -> None:
    asyncio.run(made_by(state_dir, [*known_migrations(), *more]))


def contents(folder: Path, *, without: str = "lock") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != without}


def with_rows(state_dir: Path) -> None:
    with running_store(str(state_dir)) as (store, do):
        do(store.add([a_plan(b"%d" % number) for number in range(2000)], now=NOW))


def rows_in(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM transfer").fetchone()
        return int(count)


def test_a_new_state_directory_is_made_for_us_alone(tmp_path: Path) -> None:
    state_dir = tmp_path / "deep" / "state"

    open_and_close(state_dir)

    assert sorted(contents(state_dir)) == ["state.db"]
    assert [path.stat().st_mode & 0o777 for path in (state_dir, state_dir / "state.db")] == [0o700, 0o600]


def test_a_second_daemon_is_refused_by_name(tmp_path: Path) -> None:
    with running_store(str(tmp_path)):
        with pytest.raises(StateLocked) as caught:
            open_and_close(tmp_path)

        assert caught.value.pid == os.getpid()
        assert str(os.getpid()) in str(caught.value)
        assert caught.value.reason.code == Code.STATE_LOCKED
    open_and_close(tmp_path)


def test_the_lock_ends_with_its_process_and_is_not_inherited(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, subprocess, sys\n"
        "from queueing import NOW\n"
        "from cloudgather.store.sqlite import open_store\n"
        "async def main():\n"
        "    await open_store(sys.argv[1], now=NOW)\n"
        "    subprocess.Popen(['sleep', '20'], stdout=subprocess.DEVNULL)\n"
        "    print('open', flush=True)\n"
        "    os._exit(1)\n"
        "asyncio.run(main())\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        check=False,
    )

    assert child.stdout == b"open\n"
    open_and_close(tmp_path)


@pytest.mark.parametrize("content", [b"no database at all\n" * 100, b"x"], ids=["text", "one byte"])
def test_what_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.db").write_bytes(content)

    with pytest.raises(StateForeign):
        open_and_close(tmp_path)

    assert contents(tmp_path) == {"state.db": content}


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.execute("CREATE TABLE theirs (value)")
    before = contents(tmp_path)

    with pytest.raises(StateForeign) as caught:
        open_and_close(tmp_path)

    assert contents(tmp_path) == before
    assert caught.value.reason.code == Code.STATE_FOREIGN


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def scribbled_over(file: Path) -> None:
    with file.open("r+b") as database:
        database.seek(4096)
        database.write(b"\xa5" * (file.stat().st_size - 8192))


def header_scribbled_over(file: Path) -> None:
    with file.open("r+b") as database:
        database.seek(16)
        database.write(b"\xa5" * 50)


@pytest.mark.parametrize("damage", [truncated, scribbled_over, header_scribbled_over])
def test_a_damaged_database_is_copied_and_refused(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    with_rows(tmp_path)
    damage(tmp_path / "state.db")
    before = (tmp_path / "state.db").read_bytes()

    for _ in range(2):
        with pytest.raises(StateCorrupt) as caught:
            open_and_close(tmp_path)

    copies = [path for path in tmp_path.iterdir() if path.name.startswith("state.db.corrupt-")]
    assert (tmp_path / "state.db").read_bytes() == before
    assert [path.read_bytes() for path in copies] == [before]
    assert caught.value.copy == str(copies[0])
    assert caught.value.reason.code == Code.STATE_CORRUPT


def test_a_copy_is_never_written_over(tmp_path: Path) -> None:
    with_rows(tmp_path)
    truncated(tmp_path / "state.db")
    taken = tmp_path / f"state.db.corrupt-{NOW:%Y%m%dT%H%M%SZ}"
    taken.write_bytes(b"an earlier one")

    with pytest.raises(StateCorrupt) as caught:
        open_and_close(tmp_path)

    assert taken.read_bytes() == b"an earlier one"
    assert caught.value.copy == f"{taken}-2"


def test_an_emptied_database_beside_its_log_is_not_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "state.db").touch()
    (tmp_path / "state.db-wal").write_bytes(b"what was not yet brought over")

    with pytest.raises(StateCorrupt):
        open_and_close(tmp_path)

    copies = {name: data for name, data in contents(tmp_path).items() if ".corrupt-" in name}
    assert sorted(copies.values()) == [b"", b"what was not yet brought over"]


def as_a_crash_leaves_it(state_dir: Path, copy: Path) -> None:
    copy.mkdir()
    for name in ("state.db", "state.db-wal"):
        (copy / name).write_bytes((state_dir / name).read_bytes())


def test_what_only_the_log_holds_is_found_again(tmp_path: Path) -> None:
    running, crashed = tmp_path / "running", tmp_path / "crashed"
    with running_store(str(running)) as (store, do):
        ((id, _),) = do(store.add([a_plan()], now=NOW))
        as_a_crash_leaves_it(running, crashed)
    assert (crashed / "state.db-wal").stat().st_size > 0

    with running_store(str(crashed)) as (store, do):
        assert do(store.transfer(id)).path == b"film.mkv"


def an_old_row(connection: sqlite3.Connection, path: bytes, state: State, **changes: object) -> None:
    """Of task films, to base/PATH at target cloud, as schema 1 had it."""
    row = {"task": "films", "path": path, "target": "cloud", "destination": b"base/" + path, "size": 7, "mtime_ns": 1}
    row |= {"device": 1, "inode": 1, "generation": 1, "state": str(state), "priority": 0, "attempts": 0, "tries": 0}
    row |= {"plan_reason": bytes.fromhex("81a4636f6465aa676f2e6d697373696e67"), "replaces": 0, "guessed": 0}
    row |= {"created": 1, "updated": 1, "binds": 0, "cleared": 0, **changes}
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO transfer ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))


def test_what_an_older_daemon_listed_of_a_try_under_way_is_known_by_its_row(tmp_path: Path) -> None:
    """Schema 6 listed every temporary as debris before it was made."""
    asyncio.run(made_by(tmp_path, known_migrations()[:6]))
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection, connection:
        an_old_row(connection, b"film.mkv", State.COPYING, tries=2, temporary=b"second")
        listed = "INSERT INTO debris (target, path, transfer, try) VALUES ('cloud', ?, 1, ?)"
        connection.executemany(listed, [(b"base/first", 1), (b"base/second", 2)])

    with running_store(str(tmp_path)) as (store, do):
        while_copying = [left.path for left in do(store.debris())]
        do(moved_on(store, do(store.transfer(1)), Event.DEFER))

        assert while_copying == [b"base/first"]
        assert [left.path for left in do(store.debris())] == [b"base/first", b"base/second"]


def test_what_is_live_is_known_of_an_older_daemons_rows(tmp_path: Path) -> None:
    """Schema 7 told it by the state."""
    asyncio.run(made_by(tmp_path, known_migrations()[:7]))
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection, connection:
        for state in State:
            an_old_row(connection, state.encode(), state)

    with running_store(str(tmp_path)) as (store, do):
        plans = [a_plan(state.encode(), version=a_version(size=7, mtime_ns=1)) for state in State]
        live = do(passed(store, [(plan.path, 7, 1) for plan in plans], force=True))
        added = do(store.add(plans, now=NOW))

    assert live == {state.encode() for state in LIVE}
    assert {
        State(plan.path.decode()) for plan, (_, what) in zip(plans, added, strict=True) if what is Added.KNOWN
    } == LIVE


def test_an_older_daemons_rows_are_found_by_their_state(tmp_path: Path) -> None:
    """Schema 8 had one index for all of them."""
    asyncio.run(made_by(tmp_path, known_migrations()[:8]))
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection, connection:
        for state in State:
            temporary = b"of its try" if state in (State.COPYING, State.PUBLISHING) else None
            an_old_row(connection, state.encode(), state, live=int(state in LIVE), temporary=temporary)

    with running_store(str(tmp_path)) as (store, do):
        found = {state: do(store.transfers(Chosen(states=frozenset({state})), limit=9)) for state in State}

    assert {state: [row.path for row in rows] for state, rows in found.items()} == {
        state: [state.encode()] for state in State
    }


def test_an_older_daemons_history_is_told_as_before(tmp_path: Path) -> None:
    """Schema 9 had a row for each line."""
    asyncio.run(made_by(tmp_path, known_migrations()[:9]))
    told = [(1, Event.CLAIM, State.QUEUED, State.COPYING), (2, Event.CLAIM, State.QUEUED, State.COPYING)]
    told.append((1, Event.DEFER, State.COPYING, State.QUEUED))
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection, connection:
        an_old_row(connection, b"one", State.QUEUED, live=1, tries=1)
        an_old_row(connection, b"two", State.COPYING, live=1, tries=1, temporary=b"of its try")
        line = "INSERT INTO move (transfer, task, at, event, before, after, attempt) VALUES (?, 'films', 7, ?, ?, ?, 1)"
        connection.executemany(line, [(id, *map(str, others)) for id, *others in told])

    with running_store(str(tmp_path)) as (store, do):
        do(moved_on(store, do(store.transfer(2)), Event.PUBLISH))
        whole = do(store.history(task="films", path=None, transfer=None, limit=9))
        of_one = do(store.history(task=None, path=b"one", transfer=None, limit=9))

    told.append((2, Event.PUBLISH, State.COPYING, State.PUBLISHING))
    assert [(past.transfer, past.event, past.before, past.after) for _, past in reversed(whole)] == told
    assert [id for id, _ in whole] == [4, 3, 2, 1]
    assert [id for id, _ in of_one] == [3, 1]


def test_looking_at_a_database_that_is_refused_leaves_its_log_as_it_was(tmp_path: Path) -> None:
    with_rows(tmp_path / "running")
    with closing(sqlite3.connect(tmp_path / "running" / "state.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
        as_a_crash_leaves_it(tmp_path / "running", tmp_path / "crashed")
    before = contents(tmp_path / "crashed")

    with pytest.raises(StateNewer):
        open_and_close(tmp_path / "crashed")

    after = contents(tmp_path / "crashed")
    assert {name: after[name] for name in before} == before


def test_a_newer_database_is_copied_and_refused(tmp_path: Path) -> None:
    open_and_close(tmp_path, NEXT)
    before = (tmp_path / "state.db").read_bytes()

    with pytest.raises(StateNewer) as caught:
        open_and_close(tmp_path)

    assert (caught.value.reason.facts["found"], caught.value.reason.facts["known"]) == (KNOWN + 1, KNOWN)
    assert (tmp_path / "state.db").read_bytes() == before
    assert caught.value.copy is not None
    assert Path(caught.value.copy).read_bytes() == before


def test_an_older_database_is_backed_up_and_brought_up_to_date(tmp_path: Path) -> None:
    with_rows(tmp_path)

    open_and_close(tmp_path, NEXT)

    (backup,) = (path for path in tmp_path.iterdir() if path.name.startswith(f"state.db.before-schema-{KNOWN + 1}-"))
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (KNOWN + 1,)
        assert connection.execute("SELECT value FROM next").fetchall() == [("a;b",)]
    assert (rows_in(tmp_path / "state.db"), rows_in(backup)) == (2000, 2000)


def test_a_database_of_the_first_release_keeps_what_it_has(tmp_path: Path) -> None:
    asyncio.run(made_by(tmp_path, known_migrations()[:1]))
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection, connection:
        connection.execute(
            "INSERT INTO target_memory (name, paused, breaker_until, breaker_opened) VALUES ('cloud', 1, 5000000, 2)"
        )
        an_old_row(connection, b"a", State.QUEUED)
        connection.execute(
            "INSERT INTO ledger (task, path, size, mtime_ns, origin, target, destination, strength, at) VALUES "
            "('films', x'63', 7, 1, 'sent', 'cloud', CAST('Films/C.mkv' AS BLOB), 'stored', 1)"
        )

    with running_store(str(tmp_path)) as (store, do):
        memory = do(store.targets())["cloud"]
        (sent,) = do(store.sent_there("cloud", [b"films/c.mkv"]))
        (claimed,) = do(store.claim("cloud", now=NOW, count=9, most_bytes=None, except_tasks=frozenset()))
        counts = do(store.counts())

    assert counts == {("films", "cloud", State.COPYING): (1, 7)}
    assert (memory.paused, memory.breaker_opened, memory.rate_order) == (True, 2, None)
    assert (sent.path, sent.destination) == (b"c", b"Films/C.mkv")
    assert (claimed.path, claimed.destination, claimed.version.size) == (b"a", b"base/a", 7)


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    with_rows(tmp_path)

    with pytest.raises(StateUnusable):
        open_and_close(tmp_path, BROKEN)

    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (KNOWN,)
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'next'").fetchall() == []
    open_and_close(tmp_path, NEXT)


def test_a_database_that_a_crash_left_without_tables_is_made_anew(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
    (tmp_path / "state.db-journal").touch()

    open_and_close(tmp_path)

    assert rows_in(tmp_path / "state.db") == 0


@pytest.mark.parametrize("size", [4096, 12288])
def test_a_database_that_a_power_cut_left_without_its_beginning_is_made_anew(tmp_path: Path, size: int) -> None:
    # The journal of a first transaction: magic, no page to restore, and that the file was empty before.
    journal = bytes.fromhex("d9d505f920a163d7") + struct.pack(">IIIII", 0, 0, 0, 512, 4096)
    (tmp_path / "state.db-journal").write_bytes(journal.ljust(512, b"\0"))
    (tmp_path / "state.db").write_bytes(bytes(4096) + b"x" * (size - 4096))

    open_and_close(tmp_path)

    assert rows_in(tmp_path / "state.db") == 0


def test_zeros_without_a_journal_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(bytes(8192))

    with pytest.raises(StateForeign):
        open_and_close(tmp_path)

    assert (tmp_path / "state.db").read_bytes() == bytes(8192)


def test_a_state_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StateUnusable) as caught:
        open_and_close(tmp_path / "file" / "state")

    assert isinstance(caught.value, StateRefused)
    assert str(tmp_path / "file" / "state") in str(caught.value)


def test_a_python_with_too_old_an_sqlite_is_told_which_one_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.34.1")
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(StateUnusable, match=r"SQLite 3\.34\.1, 3\.35 or newer is needed"):
        open_and_close(tmp_path)

    assert not (tmp_path / "state.db").exists()


def test_a_refused_start_holds_no_lock(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no database")
    with pytest.raises(StateForeign):
        open_and_close(tmp_path)
    (tmp_path / "state.db").unlink()

    open_and_close(tmp_path)


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = [migration.number for migration in known_migrations()]

    assert numbers == list(range(1, len(numbers) + 1))
