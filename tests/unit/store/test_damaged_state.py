"""A database damaged in any way is opened, or refused and left as it is; no other errors than the store's own."""

import pathlib
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudgather.core.transfer import Event
from cloudgather.ports.queue import Chosen, StoreUnavailable
from cloudgather.store.errors import StateRefused
from queueing import NOW, a_move, a_plan, running_store

FILES = ("state.db", "state.db-wal")


@lru_cache
def crashed(rows: int = 400) -> Mapping[str, bytes]:
    """What a crash leaves of a store in use: some of it in the database, some in its log only."""
    with tempfile.TemporaryDirectory() as folder:
        with running_store(folder) as (store, do):
            do(store.add([a_plan(b"folder/%d" % number) for number in range(rows)], now=NOW))
        with running_store(folder) as (store, do):
            for transfer in do(store.claim("cloud", now=NOW, count=50, most_bytes=None, except_tasks=frozenset())):
                do(store.move([a_move(transfer, Event.PUBLISH)], now=NOW))
            found = {name: (pathlib.Path(folder) / name).read_bytes() for name in FILES}
    assert all(len(content) > 8192 for content in found.values())
    return found


places = st.floats(0, 1, exclude_max=True)
damages = st.lists(
    st.tuples(
        st.sampled_from(FILES),
        st.sampled_from(["flip", "zero", "cut", "repeat", "garbage", "foreign", "header"]),
        places,
        places,
        st.binary(min_size=1, max_size=64),
    ),
    min_size=1,
    max_size=3,
)
Damages = Sequence[tuple[str, str, float, float, bytes]]


def damaged(found: Mapping[str, bytes], all_damages: Damages) -> dict[str, bytes]:
    """The files with this done to them, one after the other."""
    files = dict(found)
    for name, how, where, elsewhere, piece in all_damages:
        content = bytearray(files[name])
        at, other = int(where * len(content)), int(elsewhere * len(content))
        page, other_page = at - at % 4096, other - other % 4096
        match how:
            case "flip" if content:
                content[at] ^= piece[0] or 1
            case "zero":
                content[page : page + 4096] = bytes(len(content[page : page + 4096]))
            case "cut":
                del content[at:]
            case "repeat":
                content[page : page + 4096] = content[other_page : other_page + 4096]
            case "garbage":
                content[at : at + len(piece)] = piece
            case "foreign":
                content[:] = piece
            case "header":
                content[at % 100 : at % 100 + 4] = piece[:4]
        files[name] = bytes(content)
    return files


def use(folder: str) -> None:
    """Open it and do what a daemon does with it; only the store's own errors come of it."""
    with running_store(folder) as (store, do):
        for work in (
            lambda: store.counts(),
            lambda: store.transfers(Chosen(), limit=1000),
            lambda: store.debris(),
            lambda: store.ledger("films", [b"folder/1"]),
            lambda: store.targets(),
            lambda: store.add([a_plan(b"another")], now=NOW),
            lambda: store.claim("cloud", now=NOW, count=100, most_bytes=None, except_tasks=frozenset()),
        ):
            try:
                do(work())
            except StoreUnavailable:
                continue


@settings(max_examples=settings().max_examples // 3)
@given(damages)
def test_any_damage_is_refused_or_borne(all_damages: Damages) -> None:
    files = damaged(crashed(), all_damages)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (pathlib.Path(folder) / name).write_bytes(content)
        try:
            use(folder)
        except StateRefused as refused:
            assert folder in str(refused)
            assert {name: (pathlib.Path(folder) / name).read_bytes() for name in FILES} == files
        except StoreUnavailable:
            pass


def test_what_a_crash_leaves_is_whole_while_nobody_damages_it(tmp_path: pathlib.Path) -> None:
    for name, content in crashed().items():
        (tmp_path / name).write_bytes(content)

    with running_store(str(tmp_path)) as (store, do):
        assert len(do(store.transfers(Chosen(), limit=1000))) == 400


@pytest.mark.parametrize("length", [1, 15, 16, 99, 100, 511, 512, 4095, 4096, 4097, 12288])
def test_a_database_cut_short_anywhere_is_refused_and_kept(tmp_path: pathlib.Path, length: int) -> None:
    (tmp_path / "state.db").write_bytes(crashed()["state.db"][:length])

    with pytest.raises(StateRefused):
        use(str(tmp_path))

    assert (tmp_path / "state.db").read_bytes() == crashed()["state.db"][:length]


def test_a_damaged_schema_is_refused_and_kept_although_sqlite_cannot_even_be_read_about_it(
    tmp_path: pathlib.Path,
) -> None:
    with running_store(str(tmp_path)):
        pass
    whole = (tmp_path / "state.db").read_bytes()
    damaged = whole.replace(b"(target, due) WHERE", b"(target, \xe4ue) WHERE")
    (tmp_path / "state.db").write_bytes(damaged)

    with pytest.raises(StateRefused, match="malformed database schema"):
        use(str(tmp_path))

    assert damaged != whole
    assert (tmp_path / "state.db").read_bytes() == damaged


@pytest.mark.parametrize("schema", [-2147483644, 0, 1])
def test_a_damaged_number_of_the_schema_is_refused_and_all_kept(tmp_path: pathlib.Path, schema: int) -> None:
    """Although the log is damaged as well, so that SQLite takes nothing of it to be worth keeping."""
    files = {name: bytearray(content) for name, content in crashed().items()}
    files["state.db"][60:64] = schema.to_bytes(4, "big", signed=True)
    files["state.db-wal"][0] ^= 1
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)

    with pytest.raises(StateRefused):
        use(str(tmp_path))

    assert {name: (tmp_path / name).read_bytes() for name in FILES} == files


def test_a_database_without_its_queue_is_refused(tmp_path: pathlib.Path) -> None:
    with running_store(str(tmp_path)):
        pass
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection, connection:
        connection.execute("DROP TABLE transfer")

    with pytest.raises(StateRefused, match="no such table"):
        use(str(tmp_path))


@pytest.mark.parametrize("column", ["generation", "attempts", "tries", "size", "priority"])
@pytest.mark.parametrize("value", ["x", b"\xff"])
def test_a_claim_of_a_row_with_a_number_that_is_none_is_refused(
    tmp_path: pathlib.Path, column: str, value: str | bytes
) -> None:
    with running_store(str(tmp_path)) as (store, do):
        do(store.add([a_plan(b"film")], now=NOW))
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection, connection:
        connection.execute(f"UPDATE transfer SET {column} = ?", (value,))

    with running_store(str(tmp_path)) as (store, do), pytest.raises(StoreUnavailable):
        do(store.claim("cloud", now=NOW, count=9, most_bytes=None, except_tasks=frozenset()))


def test_a_claim_by_a_daemon_whose_id_is_damaged_is_refused(tmp_path: pathlib.Path) -> None:
    with running_store(str(tmp_path)) as (store, do):
        do(store.add([a_plan(b"film")], now=NOW))
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection, connection:
        connection.execute("UPDATE flag SET value = 'ü' WHERE name = 'daemon-id'")

    with running_store(str(tmp_path)) as (store, do), pytest.raises(StoreUnavailable):
        do(store.claim("cloud", now=NOW, count=9, most_bytes=None, except_tasks=frozenset()))


@pytest.mark.parametrize("verdict", [False, True])
def test_a_damaged_name_of_a_column_is_refused_or_borne_whatever_quotes_it(
    tmp_path: pathlib.Path, verdict: bool
) -> None:
    """quick_check quotes it where a value is damaged as well; else the first statement that names it finds out."""
    with running_store(str(tmp_path)) as (store, do):
        do(store.add([a_plan(b"film")], now=NOW))
    whole = (tmp_path / "state.db").read_bytes()
    damaged = whole.replace(b"\n    generation  INTEGER", b"\n    \xe4eneration  INTEGER")
    assert damaged != whole
    if verdict:  # of the header of the row: generation 1, a state of 6 characters, three zeros, two NULLs
        header = b"\x09\x19\x08\x08\x08\x00\x00"
        assert header in damaged
        damaged = damaged.replace(header, b"\x00" + header[1:])
    (tmp_path / "state.db").write_bytes(damaged)

    if verdict:
        with pytest.raises(StateRefused):
            use(str(tmp_path))
    else:
        use(str(tmp_path))
