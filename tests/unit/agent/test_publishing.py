"""A temporary takes its final name whole, on the right mount, or not at all."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudgather.agent.job import Job, Trouble
from cloudgather.agent.places import closing
from cloudgather.agent.publishing import barrier, swap, sweep
from cloudgather.agent.roots import Root
from unit.agent.orders import TEMPORARY, EventfulJob, Pair
from unit.agent.overmounts import Mounts


def test_a_copy_takes_its_final_name(pair: Pair) -> None:
    path = pair.file("season/film.mkv")
    size = pair.copy(path).size

    pair.publish(path, size)

    assert pair.at_target() == [b"season", b"season/film.mkv"]


@pytest.mark.parametrize("durable", [True, False])
def test_it_replaces_what_stands(pair: Pair, durable: bool) -> None:
    path = pair.file()
    (pair.target / "film.mkv").write_bytes(b"old")
    size = pair.copy(path, replace=True).size

    pair.publish(path, size, durable=durable)

    assert pair.at_target() == [path]
    assert (pair.target / "film.mkv").read_bytes() == b"film" * 1000


def expect_refused(pair: Pair, kind: str, **different: Any) -> Trouble:
    with pytest.raises(Trouble) as trouble:
        pair.publish(**{"destination": b"film.mkv", "size": 4000, **different})
    assert trouble.value.kind == kind
    return trouble.value


def test_a_temporary_that_is_gone_is_enoent_at_rename_whatever_stands(pair: Pair) -> None:
    (pair.target / "film.mkv").write_bytes(b"x" * 4000)

    trouble = expect_refused(pair, "errno")

    assert (trouble.facts["errno"], trouble.facts["step"], trouble.facts["side"]) == (errno.ENOENT, "rename", "target")
    assert (pair.target / "film.mkv").read_bytes() == b"x" * 4000


def test_a_folder_that_is_gone_with_its_temporary_is_the_same(pair: Pair) -> None:
    trouble = expect_refused(pair, "errno", destination=b"season/film.mkv")

    assert (trouble.facts["errno"], trouble.facts["step"]) == (errno.ENOENT, "rename")


def test_a_temporary_of_another_length_is_not_published(pair: Pair) -> None:
    (pair.target / os.fsdecode(TEMPORARY)).write_bytes(b"half")

    trouble = expect_refused(pair, "length")

    assert (trouble.facts["expected"], trouble.facts["found"]) == (4000, 4)
    assert pair.at_target() == [TEMPORARY]


def test_a_folder_in_the_way_is_occupied(pair: Pair) -> None:
    pair.copy(pair.file())
    (pair.target / "film.mkv/inside").mkdir(parents=True)

    expect_refused(pair, "occupied")

    assert pair.at_target() == [TEMPORARY, b"film.mkv", b"film.mkv/inside"]


def test_a_file_that_comes_to_stand_there_at_the_last_moment_stays_unless_it_may_be_replaced(pair: Pair) -> None:
    pair.copy(pair.file())
    job = EventfulJob(rename=lambda: (pair.target / "film.mkv").write_bytes(b"another's"))

    trouble = expect_refused(pair, "standing", over=False, job=job)

    assert job.all_happened
    assert (trouble.facts["size"], trouble.facts["is_file"]) == (9, True)
    assert pair.at_target() == [TEMPORARY, b"film.mkv"]
    assert (pair.target / "film.mkv").read_bytes() == b"another's"


@pytest.mark.parametrize("over", [True, False])
def test_a_temporary_that_goes_at_the_last_moment_is_enoent_at_rename(pair: Pair, over: bool) -> None:
    pair.copy(pair.file())
    job = EventfulJob(rename=lambda: os.unlink(pair.target / os.fsdecode(TEMPORARY)))

    with pytest.raises(FileNotFoundError) as gone:
        pair.publish(b"film.mkv", 4000, over=over, job=job)

    assert job.all_happened
    assert job.blame(gone.value).facts["step"] == "rename"


@pytest.mark.parametrize("names", [{"destination": b"../film"}, {"destination": b""}, {"temporary": b"../film"}])
def test_names_that_lead_elsewhere_are_refused(pair: Pair, names: dict[str, Any]) -> None:
    pair.copy(pair.file())

    expect_refused(pair, "bad", **names)

    assert pair.at_target() == [TEMPORARY]


def test_a_link_that_stands_for_the_temporary_is_not_published(pair: Pair) -> None:
    there = b"4" * 40
    os.symlink(there, os.fsencode(pair.target) + b"/" + TEMPORARY)

    expect_refused(pair, "length", size=len(there))

    assert pair.at_target() == [TEMPORARY]


@pytest.mark.parametrize("durable", [True, False])
def test_a_new_name_is_durable_unless_a_barrier_is_to_come(pair: Pair, durable: bool) -> None:
    path, job = pair.file(), EventfulJob()
    pair.copy(path)

    pair.publish(path, 4000, job=job, durable=durable)

    after = [step for step, _ in job.steps][[step for step, _ in job.steps].index("rename") :]
    assert after == (["rename", "fsync"] if durable else ["rename"])


# ---- the mount


def test_a_mount_detached_between_copy_and_publish_gets_nothing_published(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)
    pair.copy(pair.file(), identity=identity)
    still = os.open(pair.target, os.O_RDONLY)
    mounts.detach(pair.target)

    with closing(still):
        trouble = expect_refused(pair, "identity", identity=identity)
        assert os.listdir(still) == [os.fsdecode(TEMPORARY)]

    assert trouble.facts["what"] == "absent"
    assert pair.at_target() == []


def test_a_mount_over_it_between_copy_and_publish_gets_nothing_published(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)
    pair.copy(pair.file(), identity=identity)
    mounts.tmpfs(pair.target, source=b"another")

    trouble = expect_refused(pair, "identity", identity=identity)

    assert trouble.facts["what"] == "other"
    assert pair.at_target() == []
    mounts.detach(pair.target)
    assert pair.at_target() == [TEMPORARY]


@pytest.mark.parametrize("how", ["detached", "mounted over"])
def test_a_mount_lost_in_the_last_moment_before_the_rename_is_noticed(pair: Pair, mounts: Mounts, how: str) -> None:
    identity = mounts.tmpfs(pair.target)
    pair.copy(pair.file(), identity=identity)
    still = os.open(pair.target, os.O_RDONLY)

    def lose() -> None:
        if how == "detached":
            mounts.detach(pair.target)
        else:
            mounts.tmpfs(pair.target)

    job = EventfulJob(rename=lose)

    with closing(still):
        trouble = expect_refused(pair, "identity", identity=identity, job=job)
        assert os.listdir(still) == [os.fsdecode(TEMPORARY)]

    assert job.all_happened
    assert trouble.facts["what"] == "detached"
    assert pair.at_target() == []


@pytest.mark.parametrize("step", ["syncfs", "unlink"])
def test_a_mount_lost_during_a_barrier_or_while_clearing_away_is_noticed(pair: Pair, mounts: Mounts, step: str) -> None:
    common: dict[str, Any] = {"root": os.fsencode(pair.target), "identity": mounts.tmpfs(pair.target)}
    job = EventfulJob(**{step: lambda: mounts.detach(pair.target)})

    with pytest.raises(Trouble) as trouble:
        if step == "syncfs":
            barrier(job, **common)
        else:
            sweep(job, paths=[TEMPORARY], **common)

    assert job.all_happened
    assert (trouble.value.kind, trouble.value.facts["what"]) == ("identity", "detached")


# ---- file systems that do not rename over a file


def swap_at(
    pair: Pair, number: int, *, identity: dict[str, object] | None = None, meanwhile: Callable[[], None] | None = None
) -> None:
    """As if the rename over film.mkv had been refused with this errno."""
    job = Job()
    with Root(os.fsencode(pair.target), identity, job) as root, closing(root.folder(b"")) as folder:
        if meanwhile is not None:
            meanwhile()
        swap(folder, TEMPORARY, b"film.mkv", OSError(number, os.strerror(number)), root, job)


@pytest.mark.parametrize("number", [errno.EEXIST, errno.EPERM, errno.EACCES])
def test_the_old_file_steps_aside_where_it_cannot_be_renamed_over(pair: Pair, number: int) -> None:
    pair.copy(pair.file())
    (pair.target / "film.mkv").write_bytes(b"old")

    swap_at(pair, number)

    assert pair.at_target() == [b"film.mkv"]
    assert (pair.target / "film.mkv").read_bytes() == b"film" * 1000


def test_the_old_file_comes_back_where_the_new_one_cannot_take_its_place(pair: Pair) -> None:
    (pair.target / "film.mkv").write_bytes(b"old")

    with pytest.raises(FileNotFoundError):
        swap_at(pair, errno.EEXIST)

    assert pair.at_target() == [b"film.mkv"]
    assert (pair.target / "film.mkv").read_bytes() == b"old"


def test_the_old_file_comes_back_where_the_mount_was_lost_before_the_new_one_came(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)
    pair.copy(pair.file(), identity=identity)
    (pair.target / "film.mkv").write_bytes(b"old")
    still = os.open(pair.target, os.O_RDONLY)

    with closing(still):
        with pytest.raises(Trouble) as trouble:
            swap_at(pair, errno.EEXIST, identity=identity, meanwhile=lambda: mounts.detach(pair.target))

        assert trouble.value.kind == "identity"
        assert sorted(os.listdir(still)) == [os.fsdecode(TEMPORARY), "film.mkv"]
        assert os.stat("film.mkv", dir_fd=still).st_size == len(b"old")


def test_another_refusal_stays_what_it_is(pair: Pair) -> None:
    pair.copy(pair.file())

    with pytest.raises(OSError) as failed:
        swap_at(pair, errno.EACCES)  # nothing stands there: it is about something else
    assert failed.value.errno == errno.EACCES
    (pair.target / "film.mkv").write_bytes(b"old")
    with pytest.raises(OSError) as failed:
        swap_at(pair, errno.EIO)

    assert failed.value.errno == errno.EIO
    assert pair.at_target() == [TEMPORARY, b"film.mkv"]


# ---- clearing away


def test_sweeping_tells_what_is_known_to_be_gone(pair: Pair, tmp_path: Path) -> None:
    (pair.target / "a").write_bytes(b"")
    (pair.target / "folder").mkdir()
    (pair.target / "link").symlink_to(tmp_path)
    paths = [b"a", b"absent", b"no/such/folder", b"folder", b"link/source"]

    gone = sweep(Job(), root=os.fsencode(pair.target), identity=None, paths=paths)

    assert gone == [b"a", b"absent", b"no/such/folder", b"link/source"]
    assert pair.at_target() == [b"folder", b"link"]
    assert pair.source.is_dir()


def test_sweeping_an_empty_mount_point_knows_nothing(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)
    mounts.detach(pair.target)

    with pytest.raises(Trouble) as trouble:
        sweep(Job(), root=os.fsencode(pair.target), identity=identity, paths=[b"a"])

    assert trouble.value.kind == "identity"


@pytest.mark.parametrize("path", [b"", b"..", b"../source/film.mkv", b"/etc/passwd"])
def test_sweeping_elsewhere_is_refused(pair: Pair, path: bytes) -> None:
    pair.file()

    with pytest.raises(Trouble) as trouble:
        sweep(Job(), root=os.fsencode(pair.target), identity=None, paths=[path])

    assert trouble.value.kind == "bad"
    assert (pair.source / "film.mkv").exists()
