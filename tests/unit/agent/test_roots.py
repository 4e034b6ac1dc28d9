"""A target's root is used only while it is the file system that was recorded."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from cloudgather.agent.job import Job, Trouble
from cloudgather.agent.listing import look, probe
from cloudgather.agent.places import closing, components, walk
from cloudgather.agent.publishing import barrier, prepare
from cloudgather.agent.roots import Root
from unit.agent.orders import EventfulJob, Pair, opened_below
from unit.agent.overmounts import Mounts


def why_not(root: Path, identity: dict[str, object] | None) -> str:
    """The `what` of the identity error that opening it gives."""
    with pytest.raises(Trouble) as trouble:
        Root(os.fsencode(root), identity, Job())
    assert trouble.value.kind == "identity"
    return str(trouble.value.facts["what"])


def test_the_mount_that_was_recorded_is_right(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)

    with Root(os.fsencode(pair.target), identity, Job()) as root:
        assert root.mount is not None
        assert root.mount.fs_type == "tmpfs"


def test_a_folder_of_the_mount_is_right(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)
    (pair.target / "115").mkdir()

    with Root(os.fsencode(pair.target / "115"), identity, Job()) as root:
        assert root.mount is not None


def test_an_empty_mount_point_is_not_the_mount(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)
    mounts.detach(pair.target)

    assert why_not(pair.target, identity) == "absent"


def test_a_root_that_is_missing_with_its_mount_is_absent_and_not_gone(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)
    mounts.detach(pair.target)

    assert why_not(pair.target / "115", identity) == "absent"


def test_a_root_that_is_missing_on_its_mount_is_gone(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)

    assert why_not(pair.target / "115", identity) == "root-gone"
    assert why_not(pair.target / "115", None) == "root-gone"


def test_another_source_is_another_mount(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)
    mounts.tmpfs(pair.target, source=b"another")

    assert why_not(pair.target, identity) == "other"


def test_a_local_file_system_in_the_place_of_a_cloud_is_local(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)

    assert why_not(pair.target, identity | {"fs_type": "fuse.rclone"}) == "local"


def test_a_mount_between_the_recorded_one_and_the_root_is_another(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)
    (pair.target / "115").mkdir()
    mounts.tmpfs(pair.target / "115", source=b"115")

    assert why_not(pair.target / "115", identity) == "other"


def test_a_mount_below_the_root_is_vouched_for_by_no_identity(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)
    (pair.target / "115").mkdir()
    mounts.tmpfs(pair.target / "115", source=b"115")

    with Root(os.fsencode(pair.target), identity, Job()) as root, pytest.raises(Trouble) as trouble:
        root.folder(b"115")
    assert trouble.value.facts["what"] == "other"
    with Root(os.fsencode(pair.target), identity, Job()) as root, pytest.raises(Trouble):
        root.make(b"115/films/new", mode=None, durable=False)
    assert os.listdir(pair.target / "115") == []
    with Root(os.fsencode(pair.target), None, Job()) as root:
        os.close(root.folder(b"115"))


@pytest.mark.parametrize("identified", [True, False])
def test_a_mount_that_was_detached_while_it_was_open_is_found_out(pair: Pair, mounts: Mounts, identified: bool) -> None:
    identity = mounts.tmpfs(pair.target)

    with Root(os.fsencode(pair.target), identity if identified else None, Job()) as root:
        mounts.detach(pair.target)
        with pytest.raises(Trouble) as trouble:
            root.check()

    assert trouble.value.facts["what"] == "detached"


def test_a_mount_that_was_mounted_over_while_it_was_open_is_found_out(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)

    with Root(os.fsencode(pair.target), identity, Job()) as root:
        mounts.tmpfs(pair.target)
        with pytest.raises(Trouble) as trouble:
            root.check()

    assert trouble.value.facts["what"] == "detached"


def test_a_file_is_no_root_and_a_symlink_to_a_folder_is(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(pair.target)

    assert why_not(tmp_path / "file", None) == "root-gone"
    with Root(os.fsencode(tmp_path / "link"), None, Job()):
        pass


def test_a_root_that_we_may_not_open_is_denied(
    as_nobody: Callable[[], AbstractContextManager[None]], mounts: Mounts, pair: Pair
) -> None:
    mounts.tmpfs(pair.target, options=b"mode=700")
    place = os.open(pair.target.parent, os.O_RDONLY)

    # By the descriptor's number, since the folders above are root's as well.
    with closing(place), as_nobody():
        assert why_not(Path(f"/proc/self/fd/{place}/target"), None) == "denied"


def test_probing_tells_the_mount_and_its_room(pair: Pair, mounts: Mounts) -> None:
    mounts.tmpfs(pair.target, source=b"115:")

    found = probe(Job(), root=os.fsencode(pair.target))

    assert (found["mount_point"], found["fs_type"], found["source"]) == (os.fsencode(pair.target), "tmpfs", b"115:")
    assert (found["total"], found["last"], found["read_only"], found["uid"]) == (1 << 20, True, False, 0)


def test_a_read_only_mount_is_told(pair: Pair, mounts: Mounts) -> None:
    mounts.tmpfs(pair.target, options=b"ro")

    assert probe(Job(), root=os.fsencode(pair.target))["read_only"] is True


def test_the_base_folder_is_made_once_when_asked(pair: Pair) -> None:
    root = os.fsencode(pair.target)

    with pytest.raises(Trouble) as trouble:
        prepare(Job(), root=root, identity=None, base=b"a/b", make=False, dir_mode=None)
    assert trouble.value.facts["what"] == "base-gone"
    assert prepare(Job(), root=root, identity=None, base=b"a/b", make=True, dir_mode=None) == {"made": True}
    assert prepare(Job(), root=root, identity=None, base=b"a/b", make=True, dir_mode=None) == {"made": False}
    assert prepare(Job(), root=root, identity=None, base=b"a/b", make=False, dir_mode=None) == {"made": False}
    assert prepare(Job(), root=root, identity=None, base=b"", make=False, dir_mode=None) == {"made": False}


def test_no_folder_is_made_through_a_mount_that_was_taken_away(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)
    job = EventfulJob(open=lambda: mounts.detach(pair.target))

    with pytest.raises(Trouble) as trouble:
        prepare(job, root=os.fsencode(pair.target), identity=identity, base=b"a", make=True, dir_mode=None)

    assert trouble.value.facts["what"] == "detached"
    assert pair.at_target() == []


def test_a_barrier_succeeds(pair: Pair) -> None:
    barrier(Job(), root=os.fsencode(pair.target), identity=None)


def test_what_is_looked_at_while_the_mount_goes_is_not_believed(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target)
    job = EventfulJob(stat=lambda: mounts.detach(pair.target))

    with pytest.raises(Trouble) as trouble:
        look(job, root=os.fsencode(pair.target), identity=identity, paths=[b"film"])

    assert trouble.value.facts["what"] == "detached"


def test_a_refused_operation_leaks_no_descriptor(pair: Pair) -> None:

    for base in (b"../x", b"gone", b"file/x"):
        (pair.target / "file").write_bytes(b"")
        with pytest.raises(Trouble):
            prepare(Job(), root=os.fsencode(pair.target), identity=None, base=base, make=base != b"gone", dir_mode=None)

    assert opened_below(pair.target) == []


@pytest.mark.parametrize("path", [b"/", b"/a", b"a/", b"a//b", b".", b"..", b"a/../b", b"a/.", b"\0", b"a/b\0c"])
def test_paths_that_are_not_beneath_a_root_are_refused(path: bytes) -> None:
    with pytest.raises(Trouble) as trouble:
        components(path)

    assert trouble.value.kind == "bad"


def test_walking_follows_no_symlink_and_leaks_no_descriptor(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/link").symlink_to(tmp_path / "a/b")

    with closing(os.open(tmp_path, os.O_RDONLY)) as root:
        with closing(walk(root, [b"a", b"b"])) as found:
            assert os.path.samestat(os.fstat(found), os.stat(tmp_path / "a/b"))
        with pytest.raises(NotADirectoryError):
            walk(root, [b"a", b"link"])
        with pytest.raises(FileNotFoundError):
            walk(root, [b"a", b"none", b"x"])

    assert opened_below(tmp_path) == []
