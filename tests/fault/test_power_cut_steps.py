"""What one operation says is durable is found again when the power is cut right after it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudgather.agent.copying import copy
from cloudgather.agent.job import Job
from cloudgather.agent.places import closing
from cloudgather.agent.publishing import barrier, publish, sweep
from cloudgather.agent.throttle import Throttle
from cloudgather.ports.queue import Chosen
from fuse.ext4 import Ext4Power, needs_ext4
from fuse.powermount import PowerMount
from fuse.served import needs_mfusepy
from queueing import NOW, a_plan, running_store
from unit.agent.orders import TEMPORARY, version_of

pytestmark = needs_mfusepy

FILM = b"film" * 3000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[PowerMount]:
    with PowerMount(tmp_path) as mounted:
        yield mounted


def copied(disk: PowerMount | Ext4Power, tmp_path: Path, destination: bytes, *, durable: bool) -> None:
    """Copy a film aside, as destination says."""
    (tmp_path / "film.mkv").write_bytes(FILM)
    copy(
        Job(),
        Throttle(),
        root=disk.root,
        identity=None,
        source_root=os.fsencode(tmp_path),
        path=b"film.mkv",
        version=version_of(tmp_path / "film.mkv"),
        base=b"films",
        make_base=True,
        destination=destination,
        temporary=TEMPORARY,
        replace=False,
        durable=durable,
        verify="size",
        file_mode=None,
        dir_mode=None,
    )


def published(disk: PowerMount | Ext4Power, destination: bytes, *, durable: bool) -> None:
    publish(
        Job(),
        root=disk.root,
        identity=None,
        destination=destination,
        temporary=TEMPORARY,
        size=len(FILM),
        durable=durable,
    )


def cut(disk: PowerMount | Ext4Power, **loss: Any) -> None:
    """Now, and everything is lost that may be, unless `loss` says otherwise."""
    disk.cut(number=0, loss=loss)
    disk.come_back()


def path(disk: PowerMount | Ext4Power, name: str) -> Path:
    return Path(os.fsdecode(disk.root)) / name


def sync_folder(disk: PowerMount, name: str) -> None:
    with closing(os.open(path(disk, name), os.O_RDONLY)) as folder:
        os.fsync(folder)


def test_the_disk_forgets_what_was_not_synced(disk: PowerMount) -> None:
    path(disk, "folder").mkdir()
    path(disk, "file").write_bytes(FILM)

    cut(disk)

    assert os.listdir(disk.root) == []


def test_a_published_file_is_found_again(disk: PowerMount, tmp_path: Path) -> None:
    copied(disk, tmp_path, b"films/season/film.mkv", durable=True)
    published(disk, b"films/season/film.mkv", durable=True)

    cut(disk)

    assert path(disk, "films/season/film.mkv").read_bytes() == FILM


def test_folders_that_a_killed_agent_made_are_made_durable_with_what_goes_into_them(
    disk: PowerMount, tmp_path: Path
) -> None:
    path(disk, "films/season").mkdir(parents=True)

    copied(disk, tmp_path, b"films/season/film.mkv", durable=True)
    published(disk, b"films/season/film.mkv", durable=True)
    cut(disk)

    assert path(disk, "films/season/film.mkv").read_bytes() == FILM


def test_a_copy_of_a_batch_is_durable_where_no_barrier_is(disk: PowerMount, tmp_path: Path) -> None:
    copied(disk, tmp_path, b"films/film.mkv", durable=False)
    barrier(Job(), root=disk.root, identity=None)
    sync_folder(disk, "films")  # else its name, which nobody needs to find, is lost

    cut(disk)

    assert path(disk, f"films/{os.fsdecode(TEMPORARY)}").read_bytes() == FILM


def test_renames_of_a_batch_are_durable_once_each_folder_was_synced(disk: PowerMount, tmp_path: Path) -> None:
    """On what passes no syncfs on, as PowerMount does not."""
    names = [f"films/{folder}/{number}.mkv" for folder in "ab" for number in range(2)]
    for name in names:
        copied(disk, tmp_path, os.fsencode(name), durable=False)
        published(disk, os.fsencode(name), durable=False)
    before = len(disk.calls())

    barrier(Job(), root=disk.root, identity=None, folders=[b"films/a", b"films/b"])
    calls = disk.calls()[before:]
    cut(disk)

    assert calls == [("fsyncdir", "/films/a"), ("fsyncdir", "/films/b")]
    assert [path(disk, name).read_bytes() for name in names] == [FILM] * len(names)
    assert sorted(os.listdir(path(disk, "films/a"))) == ["0.mkv", "1.mkv"]


def test_a_rename_that_no_barrier_has_followed_is_forgotten(disk: PowerMount, tmp_path: Path) -> None:
    copied(disk, tmp_path, b"films/film.mkv", durable=False)
    published(disk, b"films/film.mkv", durable=False)
    barrier(Job(), root=disk.root, identity=None, folders=[b""])

    cut(disk)

    assert os.listdir(path(disk, "films")) == []


@pytest.mark.parametrize("removed_before", [False, True])
def test_what_was_swept_does_not_come_back(disk: PowerMount, tmp_path: Path, removed_before: bool) -> None:
    copied(disk, tmp_path, b"films/film.mkv", durable=True)
    sync_folder(disk, "films")
    if removed_before:
        path(disk, f"films/{os.fsdecode(TEMPORARY)}").unlink()

    gone = sweep(Job(), root=disk.root, identity=None, paths=[b"films/" + TEMPORARY])
    cut(disk)

    assert gone == [b"films/" + TEMPORARY]
    assert os.listdir(path(disk, "films")) == []


def test_a_new_state_directory_is_found_again(disk: PowerMount) -> None:
    state = path(disk, "deep/state")
    with running_store(str(state)) as (store, do):
        do(store.add([a_plan(b"a")], now=NOW))
        disk.cut(number=0, loss={})
    disk.come_back()

    with running_store(str(state)) as (store, do):
        assert do(store.count(Chosen())) == 1


@needs_ext4
@pytest.mark.parametrize("some", [False, True])
def test_a_batch_on_ext4_is_as_durable_as_its_barriers(tmp_path: Path, some: bool) -> None:
    whole = f"films/{os.fsdecode(TEMPORARY)}"
    (tmp_path / "empty").mkdir()
    with Ext4Power(tmp_path) as disk:
        disk.begin_with(tmp_path / "empty")
        copied(disk, tmp_path, b"films/film.mkv", durable=False)
        cut(disk, some=some)
        was_there = path(disk, whole).exists() and path(disk, whole).read_bytes() == FILM
        path(disk, whole).unlink(missing_ok=True)

        copied(disk, tmp_path, b"films/film.mkv", durable=False)
        barrier(Job(), root=disk.root, identity=None)
        cut(disk, some=some)
        assert path(disk, whole).read_bytes() == FILM

        published(disk, b"films/film.mkv", durable=False)
        barrier(Job(), root=disk.root, identity=None)
        cut(disk, some=some)
        assert os.listdir(path(disk, "films")) == ["film.mkv"]
        assert path(disk, "films/film.mkv").read_bytes() == FILM

    assert not was_there, "the disk forgets nothing"
