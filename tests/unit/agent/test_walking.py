"""A tree is told as it stands, with what cannot be told of it, and a walk that fails leaves nothing behind."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from cloudgather.agent.looking import folder_above, root_of, scan
from cloudgather.agent.places import closing
from cloudgather.agent.walking import BATCH
from cloudgather.ports.source import Absent, Refused, Seen
from unit.agent.orders import entries, looked, opened_below, paths, scanned
from unit.agent.overmounts import Mounts


def test_a_scan_sees_every_file_and_names_what_it_refuses(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(b"")
    for name in ("top", "a/one", "a/b/two"):
        (root / name).write_bytes(b"123")
    (root / "a/loop").symlink_to(root)
    (root / "away").symlink_to(tmp_path / "outside")
    (root / "link").symlink_to(root / "top")
    os.mkfifo(root / "a/fifo")

    found = scanned(root)

    seen = {each.path: each for each in found if isinstance(each, Seen)}
    assert sorted(seen) == [b"a/b/two", b"a/one", b"top"]
    assert {each.path: each.why for each in found if isinstance(each, Refused)} == {
        b"a/loop": Absent.SYMLINK,
        b"away": Absent.SYMLINK,
        b"link": Absent.SYMLINK,
        b"a/fifo": Absent.SPECIAL,
    }
    state = os.lstat(root / "a/one")
    one = seen[b"a/one"]
    assert (one.size, one.mtime_ns, one.ctime_ns) == (3, state.st_mtime_ns, state.st_ctime_ns)
    assert (one.device, one.inode) == (state.st_dev, state.st_ino)


def test_junk_is_passed_over_and_its_folders_are_not_entered(tmp_path: Path) -> None:
    for name in ("@eaDir/film", "a/.DS_Store", "a/#recycle/film", "a/film", "Thumbs.db"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")

    assert paths(scanned(tmp_path)) == [b"a/film"]


@pytest.mark.parametrize("name", [b"\xff\xfe", b"new\nline", b"n" * 255, "电影".encode()])
def test_a_scan_gives_names_as_they_are(tmp_path: Path, name: bytes) -> None:
    os.mkdir(os.path.join(os.fsencode(tmp_path), name))
    path = os.path.join(name, name)
    with open(os.path.join(os.fsencode(tmp_path), path), "wb"):
        pass

    assert paths(scanned(tmp_path)) == [path]
    assert looked(tmp_path, path).path == path


def test_a_scan_comes_in_batches_of_which_the_first_are_small(tmp_path: Path) -> None:
    for number in range(64 + 256 + BATCH + 7):
        (tmp_path / str(number)).touch()

    assert [len(batch) for batch in scan(os.fsencode(tmp_path))] == [64, 256, BATCH, 7]


def test_a_scan_below_a_path_takes_a_folder_or_a_file_or_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/two").write_bytes(b"")
    (tmp_path / "a/one").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "a")

    assert paths(scanned(tmp_path, b"a")) == [b"a/b/two", b"a/one"]
    assert paths(scanned(tmp_path, b"a/one")) == [b"a/one"]
    assert scanned(tmp_path, b"none") == []
    assert scanned(tmp_path, b"a/one/below") == []
    assert scanned(tmp_path, b"link") == [Refused(path=b"link", why=Absent.SYMLINK)]
    assert scanned(tmp_path, b"link/one") == []


def test_deep_trees_are_walked_with_few_descriptors(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Deeper than PATH_MAX, and than any limit of descriptors that a test could run under."""
    depth = 1500
    top = tmp_path / "top"
    top.mkdir()
    request.addfinalizer(lambda: subprocess.run(["rm", "-rf", top], check=True))  # pytest's own way recurses too deep
    here = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(b"deep", dir_fd=here)
        below = os.open(b"deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
        with closing(os.open(b"file", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=here)):
            pass
    os.close(here)
    most = 0

    found = 0
    for batch in scan(os.fsencode(top)):
        found += len(batch)
        most = max(most, len(os.listdir("/proc/self/fd")))

    assert found == depth
    assert most < 150


def test_a_wide_and_deep_tree_is_walked_completely(tmp_path: Path) -> None:
    for one in range(5):
        for two in range(5):
            for three in range(5):
                (tmp_path / f"{one}/{two}/{three}").mkdir(parents=True)
                (tmp_path / f"{one}/{two}/{three}/file").touch()
            (tmp_path / f"{one}/{two}/file").touch()

    assert paths(scanned(tmp_path)) == [path for path in entries(os.fsencode(tmp_path)) if path.endswith(b"file")]


def test_a_scan_leaves_no_descriptor_open_also_where_it_is_given_up(tmp_path: Path) -> None:
    for number in range(BATCH + 1):
        (tmp_path / str(number)).touch()

    walk = scan(os.fsencode(tmp_path))
    next(walk)
    del walk

    assert opened_below(tmp_path) == []


def test_what_changes_during_a_scan_is_passed_over_or_seen(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"root/{number:02}").mkdir(parents=True)
        for each in range(60):
            (tmp_path / f"root/{number:02}/{each}").touch()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").touch()
    walk = scan(os.fsencode(tmp_path / "root"))
    first = next(walk)
    begun = {each.path[:2] for each in first}
    untouched = [f"{number:02}".encode() for number in range(40) if f"{number:02}".encode() not in begun]
    swapped, removed, emptied, *standing = [os.fsdecode(name) for name in untouched]
    os.rename(tmp_path / "root" / swapped, tmp_path / "moved")
    os.symlink(tmp_path / "outside", tmp_path / "root" / swapped)
    for each in range(60):
        os.unlink(tmp_path / "root" / removed / str(each))
        os.unlink(tmp_path / "root" / emptied / str(each))
    os.rmdir(tmp_path / "root" / removed)

    seen = paths(first) + paths([found for batch in walk for found in batch])

    assert not [path for path in seen if b"secret" in path]
    assert {path for path in seen if path[:2] in map(os.fsencode, standing)} == {
        f"{name}/{each}".encode() for name in standing for each in range(60)
    }
    assert not [path for path in seen if path[:2] in (os.fsencode(removed), os.fsencode(emptied))]


def test_a_root_that_is_replaced_during_a_scan_makes_it_fail(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    for number in range(BATCH + 1):
        (tmp_path / f"root/{number}").touch()
    walk = scan(os.fsencode(tmp_path / "root"))
    next(walk)
    os.rename(tmp_path / "root", tmp_path / "old")

    with pytest.raises(FileNotFoundError):
        list(walk)
    os.rename(tmp_path / "old", tmp_path / "root")
    walk = scan(os.fsencode(tmp_path / "root"))
    next(walk)
    os.rename(tmp_path / "root", tmp_path / "old")
    (tmp_path / "root").mkdir()
    with pytest.raises(OSError) as failed:
        list(walk)

    assert failed.value.errno == errno.ESTALE


def test_a_disk_that_is_taken_away_during_a_scan_makes_it_fail(tmp_path: Path, mounts: Mounts) -> None:
    mounts.tmpfs(tmp_path, options=b"size=8m")
    for number in range(BATCH + 1):
        (tmp_path / f"{number}").touch()
    walk = scan(os.fsencode(tmp_path))
    next(walk)
    mounts.detach(tmp_path)

    with pytest.raises(OSError) as failed:
        list(walk)

    assert failed.value.errno == errno.ESTALE


def test_disks_mounted_below_are_walked_and_told_apart(tmp_path: Path, mounts: Mounts) -> None:
    (tmp_path / "disk/a").mkdir(parents=True)
    mounts.tmpfs(tmp_path / "disk")
    (tmp_path / "disk/a").mkdir()
    (tmp_path / "disk/a/film").touch()
    root = os.fsencode(tmp_path)

    assert paths(scanned(tmp_path)) == [b"disk/a/film"]
    assert folder_above(root, b"disk/a/gone") == (os.stat(tmp_path / "disk").st_dev, False)
    assert folder_above(root, b"disk/none/gone") == (os.stat(tmp_path / "disk").st_dev, False)
    assert folder_above(root, b"gone") == (os.stat(tmp_path).st_dev, False)
    mounts.detach(tmp_path / "disk")
    assert folder_above(root, b"disk/a/film") == (os.stat(tmp_path).st_dev, True)


def test_a_scan_tells_of_every_folder_it_enters(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    calls = []

    assert list(scan(os.fsencode(tmp_path), entered=lambda: calls.append(1))) == []

    assert len(calls) == 4


def test_the_root_is_told_by_device_and_inode(tmp_path: Path) -> None:
    state = os.stat(tmp_path)

    assert root_of(os.fsencode(tmp_path)) == (state.st_dev, state.st_ino)
