"""Several files through one open root: what happens to the mount or the source meanwhile counts for each of them."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudgather.agent.copying import Copying
from cloudgather.agent.job import Job, Trouble
from cloudgather.agent.places import KEEP, LastFolder, closing, components, open_root, walk
from cloudgather.agent.publishing import Publishing
from cloudgather.agent.throttle import Throttle
from unit.agent.orders import EventfulJob, Pair, opened_below, version_of
from unit.agent.overmounts import Mounts


def copying(pair: Pair, job: Job, **different: Any) -> Copying:
    """A session as the agent has it for many files."""
    params: dict[str, Any] = {
        "root": os.fsencode(pair.target),
        "identity": None,
        "source_root": os.fsencode(pair.source),
        "base": b"",
        "make_base": False,
        "durable": False,
        "verify": "size",
        "file_mode": None,
        "dir_mode": None,
        "keep": 60.0,
    }
    return Copying(job, Throttle(), **params | different)


def order(pair: Pair, path: bytes, number: int) -> dict[str, Any]:
    """To copy it to the same name."""
    version = version_of(os.path.join(os.fsencode(pair.source), path))
    return {
        "path": path,
        "version": version,
        "destination": path,
        "temporary": b".temporary-%d" % number,
        "replace": False,
    }


def test_the_files_of_a_folder_cost_one_walk_on_either_side(pair: Pair) -> None:
    orders = [order(pair, pair.file(f"a/b/{number}"), number) for number in range(5)]
    job = EventfulJob()

    with copying(pair, job) as session:
        session.copy(**orders[0])
        before = job.steps.count(("open", "target"))
        for each in orders[1:]:
            session.copy(**each)

    assert job.steps.count(("open", "target")) - before == 4  # the temporaries
    assert len(pair.at_target()) == 2 + 5


def test_a_mount_that_goes_between_two_copies_voids_the_second(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)
    one, two = (order(pair, pair.file(f"{number}"), number) for number in range(2))

    with copying(pair, Job(), identity=identity) as session:
        session.copy(**one)
        mounts.detach(pair.target)
        with pytest.raises(Trouble) as trouble:
            session.copy(**two)

    assert (trouble.value.kind, trouble.value.facts["what"]) == ("identity", "detached")
    assert pair.at_target() == []


def test_a_mount_that_goes_between_two_renames_stops_the_second(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)
    for number in range(2):
        (pair.target / f".temporary-{number}").write_bytes(b"film")
    here = os.open(pair.target, os.O_RDONLY)
    files: list[dict[str, Any]] = [
        {"destination": b"%d" % n, "temporary": b".temporary-%d" % n, "size": 4} for n in range(2)
    ]

    root = os.fsencode(pair.target)
    with closing(here), Publishing(Job(), root=root, identity=identity, durable=False, keep=60.0) as session:
        session.publish(**files[0])
        mounts.detach(pair.target)
        with pytest.raises(Trouble) as trouble:
            session.publish(**files[1])
        assert sorted(os.listdir(here)) == [".temporary-1", "0"]

    assert (trouble.value.kind, trouble.value.facts["what"]) == ("identity", "detached")


def test_a_source_that_is_replaced_during_its_copy_is_found_out_by_its_name_all_the_same(pair: Pair) -> None:
    path = pair.file("a/film", b"old")
    other = pair.source / "a" / "other"
    other.write_bytes(b"new")
    os.utime(other, ns=(10**18, 10**18))
    job = EventfulJob(close=lambda: os.rename(other, pair.source / "a" / "film"))

    with copying(pair, job) as session, pytest.raises(Trouble) as trouble:
        session.copy(**order(pair, path, 1))

    assert job.all_happened
    assert trouble.value.kind == "changed"
    assert pair.at_target() == [b"a"]


def a_fifo(place: Path) -> None:
    os.mkfifo(place)


def a_socket(place: Path) -> None:
    os.mknod(place, stat.S_IFSOCK | 0o600)


def a_link_out(place: Path) -> None:
    place.symlink_to(place.parent.parent.parent / "secret")


def another_file(place: Path) -> None:
    place.write_bytes(b"film" * 1000)
    os.utime(place, ns=(10**18, 10**18))


@pytest.mark.parametrize(
    ("swap", "kind"), [(a_fifo, "changed"), (a_socket, "changed"), (a_link_out, "gone"), (another_file, "changed")]
)
def test_what_is_swapped_for_a_source_before_it_is_opened_is_neither_waited_for_nor_read(
    pair: Pair, tmp_path: Path, swap: Callable[[Path], None], kind: str
) -> None:
    (tmp_path / "secret").write_bytes(b"film" * 1000)
    one, two = (order(pair, pair.file(f"a/{n}"), n) for n in range(2))
    job = EventfulJob()

    def swapped() -> None:
        os.rename(pair.source / "a" / "1", pair.source / "a" / "old")
        swap(pair.source / "a" / "1")

    with copying(pair, job) as session:
        session.copy(**one)
        read = job.steps.count(("read", "source"))
        job.then(source_open=swapped)  # its folder is open: the next step of that name is the file's
        with pytest.raises(Trouble) as trouble:
            session.copy(**two)

    assert job.all_happened
    assert trouble.value.kind == kind
    assert job.steps[-1] == ("open", "source")
    assert job.steps.count(("read", "source")) == read
    assert pair.at_target() == [b"a", b"a/.temporary-0"]


def walked_below(root: Path, walks: list[bytes], *, keep: float) -> LastFolder:
    """Notes each walk."""

    def walked(path: bytes) -> int:
        walks.append(path)
        with closing(open_root(os.fsencode(root))) as top:
            return walk(top, components(path))

    return LastFolder(walked, keep=keep)


def test_a_folder_is_kept_for_a_moment_only(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    walks: list[bytes] = []

    with walked_below(tmp_path, walks, keep=60.0) as folders:
        for path in (b"a", b"a", b"b", b"b", b"a"):
            assert os.path.samestat(os.fstat(folders.at(path)), os.stat(tmp_path / os.fsdecode(path)))
    assert walks == [b"a", b"b", b"a"]

    walks.clear()
    with walked_below(tmp_path, walks, keep=0.0) as folders:
        folders.at(b"a")
        folders.at(b"a")
    assert walks == [b"a", b"a"]
    assert KEEP <= 0.1  # what happens to a folder meanwhile goes unnoticed


def test_a_folder_that_cannot_be_reached_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()

    with walked_below(tmp_path, [], keep=60.0) as folders:
        folders.at(b"a")
        with pytest.raises(FileNotFoundError):
            folders.at(b"b")

    assert opened_below(tmp_path) == []


def controlled(name: str) -> Callable[[Pair], object]:
    """aria2 downloads what has this name."""
    return lambda pair: pair.file(f"{name}.aria2")


SPOILED: dict[str, Callable[[Pair], object]] = {
    "a control file beside it": controlled("show/two"),
    "a control file beside its top folder": controlled("show"),
    "another version": lambda pair: pair.file("show/two", b"longer than it was before" * 1000),
    "gone": lambda pair: os.unlink(pair.source / "show" / "two"),
    "its folder gone": lambda pair: os.rename(pair.source / "show", pair.source / "other"),
    "no source": lambda pair: os.rename(pair.source, pair.source.with_name("elsewhere")),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
def test_nothing_is_made_of_a_file_that_nobody_looked_at_and_a_look_has_more_to_say_about(
    pair: Pair, spoil: Callable[[Pair], object]
) -> None:
    one, two = (order(pair, pair.file(f"{name}"), n) for n, name in enumerate(("one", "show/two")))

    with copying(pair, Job(), looked=False, keep=0.0) as session:
        session.copy(**one)
        spoil(pair)
        with pytest.raises(Trouble) as trouble:
            session.copy(**two)

    assert trouble.value.kind == "unsettled"
    assert pair.at_target() == [b".temporary-0"]


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("standing", [False, True])
def test_nothing_is_made_of_a_file_that_nobody_looked_at_and_somebody_writes_to(pair: Pair, standing: bool) -> None:
    """Whatever stands at the target: a look would say whether that it is written means anything."""
    one = order(pair, pair.file("folder/one"), 1)
    if standing:
        (pair.target / "folder").mkdir()
        (pair.target / "folder/one").write_bytes(b"older")
    job = EventfulJob()

    with (
        copying(pair, job, looked=False) as session,
        closing(os.open(pair.source / "folder/one", os.O_WRONLY)),
        pytest.raises(Trouble) as trouble,
    ):
        session.copy(**one)

    assert trouble.value.kind == "unsettled"
    assert {side for _, side in job.steps[1:]} == {"source"}
    assert pair.at_target() == ([b"folder", b"folder/one"] if standing else [])
