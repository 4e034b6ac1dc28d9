"""The database is judged without a trace, whoever uses it and whatever became of it."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from cloudgather.core.target import Identity
from cloudgather.doctor.checks import Health
from cloudgather.doctor.database import examine_database
from cloudgather.doctor.holder import holder
from cloudgather.ports.queue import TargetMemory
from queueing import NOW, a_plan, running_store
from unit.doctor.examined import as_root, nobody, roots_folder, tree

IDENTITY = Identity(mount_point=b"/cloud", fs_type="fuse.rclone", source=b"115:")


def used(folder: Path) -> Path:
    """A state directory as a daemon leaves it."""
    with running_store(str(folder)) as (store, do):
        do(store.add([a_plan(b"%d" % number) for number in range(100)], now=NOW))
        do(store.remember_target(TargetMemory(name="cloud", root=b"/cloud", identity=IDENTITY)))
    return folder


def code_of(folder: Path) -> str:
    return examine_database(str(folder)).check.reason.code


def test_there_is_none_yet(tmp_path: Path) -> None:
    assert code_of(tmp_path) == code_of(tmp_path / "nowhere") == "doctor.database-none"
    (tmp_path / "state.db").touch()
    assert code_of(tmp_path) == "doctor.database-none"


def test_a_sound_one_tells_what_it_remembers_and_stays_as_it_is(tmp_path: Path) -> None:
    before = tree(used(tmp_path))

    found = examine_database(str(tmp_path))

    assert (found.check.reason.code, found.check.health) == ("doctor.database", Health.OK)
    assert found.check.reason.facts["pid"] is None
    assert found.targets["cloud"].identity == IDENTITY
    assert tree(tmp_path) == before


def test_one_in_use_tells_by_whom_and_the_daemon_goes_on(tmp_path: Path) -> None:
    with running_store(str(tmp_path)) as (store, do):
        do(store.add([a_plan()], now=NOW))

        found = examine_database(str(tmp_path))

        assert (found.check.reason.code, found.check.reason.facts["pid"]) == ("doctor.database", os.getpid())
        assert f"the daemon with pid {os.getpid()} uses it" in found.check.text
        do(store.add([a_plan(b"other")], now=NOW))
    assert holder(str(tmp_path)) is None


def test_one_that_was_left_by_a_crash_is_read_with_its_log(tmp_path: Path) -> None:
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with running_store(str(tmp_path / "live")) as (store, do):
        do(store.remember_target(TargetMemory(name="cloud", root=b"/cloud", identity=IDENTITY)))
        for name in ("state.db", "state.db-wal"):
            shutil.copy(tmp_path / "live" / name, crashed)

    found = examine_database(str(crashed))

    assert found.check.reason.code == "doctor.database"
    assert found.targets["cloud"].identity == IDENTITY


def test_what_is_no_database_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.write_text("dear diary, " * 1000)
    assert code_of(tmp_path) == "state.foreign"

    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE diary (entry)")
    assert code_of(tmp_path) == "state.foreign"


def test_one_whose_damaged_schema_sqlite_quotes(tmp_path: Path) -> None:
    file = used(tmp_path) / "state.db"
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"(target, due) WHERE", b"(target, \xe4ue) WHERE"))

    assert file.read_bytes() != whole
    assert code_of(tmp_path) == "state.corrupt"


def test_a_damaged_one_and_one_of_a_later_release(tmp_path: Path) -> None:
    damaged, later = used(tmp_path / "damaged"), used(tmp_path / "later")
    with open(damaged / "state.db", "r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\xaa" * 20 * 4096)
    with closing(sqlite3.connect(later / "state.db")) as connection:
        connection.execute("PRAGMA user_version = 99")

    found = examine_database(str(damaged)).check

    assert (found.reason.code, found.health) == ("state.corrupt", Health.BAD)
    assert code_of(later) == "state.newer"


@as_root
def test_another_user_is_told_who_could() -> None:
    with roots_folder() as folder:
        used(folder / "state")
        (folder / "state").chmod(0o755)
        with nobody():
            check = examine_database(str(folder / "state")).check

    assert (check.reason.code, check.health) == ("doctor.database-unknown", Health.WARN)
    assert "daemon's user" in (check.hint or "")
