"""A source is told as it stands, without following a symlink, waiting for a FIFO or leaving its root."""

import errno
import mmap
import os
import subprocess
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from cloudgather.agent.job import Trouble
from cloudgather.agent.looking import Looking, folder_above, look, root_of, scan, writers
from cloudgather.agent.places import closing
from cloudgather.agent.walking import BATCH
from cloudgather.ports.source import Absent, Access, Look, Refused, Seen
from unit.agent.orders import entries, opened_below, version_of
from unit.agent.overmounts import Mounts


def looked(root: Path, path: bytes) -> Look:
    found = look(os.fsencode(root), path)
    assert isinstance(found, Look)
    return found


def scanned(root: Path | bytes, below: bytes = b"") -> list[Seen | Refused]:
    return [found for batch in scan(os.fsencode(root), below) for found in batch]


def paths(found: Sequence[Seen | Refused]) -> list[bytes]:
    return sorted(each.path for each in found)


# ---- one path


def test_a_look_has_all_that_lstat_tells(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/film").write_bytes(b"12345")
    os.link(tmp_path / "a/film", tmp_path / "a/link")
    state = os.lstat(tmp_path / "a/film")

    found = looked(tmp_path, b"a/film")

    assert [found.version.size, found.version.mtime_ns, found.version.device, found.version.inode] == version_of(
        tmp_path / "a/film"
    )
    assert (found.path, found.ctime_ns, found.links, found.control_file) == (b"a/film", state.st_ctime_ns, 2, None)


def test_what_gives_no_look_says_why(tmp_path: Path) -> None:
    (tmp_path / "root/folder").mkdir(parents=True)
    (tmp_path / "root/file").write_bytes(b"")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_bytes(b"")
    (tmp_path / "root/link").symlink_to(tmp_path / "root/file")
    (tmp_path / "root/away").symlink_to(tmp_path / "outside")
    os.mkfifo(tmp_path / "root/fifo")
    answers = {
        b"": Absent.DIRECTORY,
        b"folder": Absent.DIRECTORY,
        b"link": Absent.SYMLINK,
        b"away/file": Absent.SYMLINK,
        b"away/none": Absent.SYMLINK,
        b"fifo": Absent.SPECIAL,
        b"none": Absent.GONE,
        b"none/file": Absent.GONE,
        b"file/below": Absent.GONE,
        b"n" * 256: Absent.GONE,
    }

    for path, answer in answers.items():
        assert look(os.fsencode(tmp_path / "root"), path) is answer, path


def test_a_path_that_leads_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Trouble):
        look(os.fsencode(tmp_path), b"../etc/passwd")


def test_a_root_that_is_gone_is_an_error_and_not_an_absence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    for root in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(OSError):
            look(os.fsencode(root), b"film")
        with pytest.raises(OSError):
            root_of(os.fsencode(root))
        with pytest.raises(OSError):
            scanned(root)


def test_a_folder_that_may_not_be_searched_denies(
    tmp_path: Path, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    (tmp_path / "closed/film").write_bytes(b"")
    (tmp_path / "open").write_bytes(b"")
    os.chmod(tmp_path, 0o755)

    with closing(os.open(tmp_path, os.O_RDONLY)) as fd:
        root = b"/proc/self/fd/%d" % fd

        with as_nobody():
            assert look(root, b"closed/film") is Absent.DENIED
            assert set(scanned(root)) >= {Refused(path=b"closed", why=Absent.DENIED)}
            assert paths(scanned(root)) == [b"closed", b"open"]
            assert scanned(root, b"closed/film") == [Refused(path=b"closed/film", why=Absent.DENIED)]


@pytest.mark.parametrize(
    ("path", "control"),
    [
        (b"film.mkv", b"film.mkv.aria2"),
        (b"season/one.mkv", b"season/one.mkv.aria2"),
        (b"season/one.mkv", b"season.aria2"),
        (b"season/extras/one.mkv", b"season.aria2"),
    ],
)
def test_the_control_file_is_beside_it_or_beside_its_top_folder(tmp_path: Path, path: bytes, control: bytes) -> None:
    for name in (path, control):
        place = tmp_path / os.fsdecode(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"")

    assert looked(tmp_path, path).control_file == control


def test_another_folders_control_file_and_a_name_too_long_for_one_are_nothing(tmp_path: Path) -> None:
    (tmp_path / "season/extras").mkdir(parents=True)
    (tmp_path / "season/extras.aria2").write_bytes(b"")
    (tmp_path / "season/extras/one").write_bytes(b"")
    (tmp_path / ("n" * 255)).write_bytes(b"")

    assert looked(tmp_path, b"season/extras/one").control_file is None
    assert looked(tmp_path, b"n" * 255).control_file is None


def test_what_stands_beside_the_top_folder_is_known_for_as_long_as_the_folder_is_kept(tmp_path: Path) -> None:
    (tmp_path / "season").mkdir()
    for name in ("one", "two"):
        (tmp_path / "season" / name).write_bytes(b"")
    root = os.fsencode(tmp_path)

    with Looking(root, keep=60.0) as kept, Looking(root) as anew:
        before = [looks.at(b"season/one") for looks in (kept, anew)]
        (tmp_path / "season.aria2").write_bytes(b"")
        after = [looks.at(b"season/two") for looks in (kept, anew)]

    found = [look.control_file for look in before + after if isinstance(look, Look)]
    assert found == [None, None, None, b"season.aria2"]


# ---- the lease


@pytest.mark.usefixtures("trusted")
def test_the_lease_tells_writers(tmp_path: Path) -> None:
    place = tmp_path / "film"
    place.write_bytes(b"film")
    assert looked(tmp_path, b"film").access is Access.FREE

    with open(place, "rb"):
        assert looked(tmp_path, b"film").access is Access.FREE
    with open(place, "ab"):
        assert looked(tmp_path, b"film").access is Access.WRITTEN

    assert looked(tmp_path, b"film").access is Access.FREE


@pytest.mark.usefixtures("trusted")
def test_the_lease_tells_a_writable_mapping_whose_descriptor_is_closed(tmp_path: Path) -> None:
    place = tmp_path / "film"
    place.write_bytes(b"film" * 2000)

    with open(place, "r+b") as file:
        mapping = mmap.mmap(file.fileno(), 0)
    with mapping:
        assert looked(tmp_path, b"film").access is Access.WRITTEN
        assert writers(os.fsencode(tmp_path), b"film")[0][0] == os.getpid()

    assert looked(tmp_path, b"film").access is Access.FREE


def test_the_lease_is_believed_on_tmpfs(tmp_path: Path, mounts: Mounts) -> None:
    mounts.tmpfs(tmp_path)
    (tmp_path / "film").write_bytes(b"")

    with open(tmp_path / "film", "ab"):
        assert looked(tmp_path, b"film").access is Access.WRITTEN
    assert looked(tmp_path, b"film").access is Access.FREE


def test_the_lease_on_another_users_file_is_unknown(
    tmp_path: Path, mounts: Mounts, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    mounts.tmpfs(tmp_path)
    (tmp_path / "film").write_bytes(b"")
    (tmp_path / "secret").write_bytes(b"")
    os.chmod(tmp_path / "film", 0o644)
    os.chmod(tmp_path / "secret", 0o600)
    os.chmod(tmp_path, 0o755)

    with closing(os.open(tmp_path, os.O_RDONLY)) as fd:
        root = b"/proc/self/fd/%d" % fd

        for path in (b"film", b"secret"):
            with as_nobody():
                found = look(root, path)
            assert isinstance(found, Look)
            assert (found.access, found.unknown_why) == (Access.UNKNOWN, "permission")


def test_a_file_system_whose_leases_lie_is_unknown() -> None:
    found = look(b"/proc/self", b"status")

    assert isinstance(found, Look)
    assert (found.access, found.unknown_why) == (Access.UNKNOWN, "file-system")


def test_a_file_of_another_file_system_than_its_folder_is_asked_about_by_itself(tmp_path: Path, mounts: Mounts) -> None:
    mounts.tmpfs(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(b"")
    mounts.bind(b"/proc/version", tmp_path / "two")

    with Looking(os.fsencode(tmp_path), keep=60.0) as looks:
        found = [looks.at(name) for name in (b"one", b"two", b"one")]

    words = [(look.access, look.unknown_why) for look in found if isinstance(look, Look)]
    assert words == [(Access.FREE, None), (Access.UNKNOWN, "file-system"), (Access.FREE, None)]


def test_writers_are_named(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(b"")
    (tmp_path / "other").write_bytes(b"")

    assert writers(os.fsencode(tmp_path), b"none") == []
    with open(tmp_path / "film", "rb"), open(tmp_path / "other", "ab"):
        assert writers(os.fsencode(tmp_path), b"film") == []
    with open(tmp_path / "film", "ab"), open("/proc/self/comm") as comm:
        assert writers(os.fsencode(tmp_path), b"film") == [(os.getpid(), comm.read().strip())]


# ---- the tree


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


def test_a_scan_comes_in_batches(tmp_path: Path) -> None:
    for number in range(BATCH + 7):
        (tmp_path / str(number)).touch()

    assert [len(batch) for batch in scan(os.fsencode(tmp_path))] == [BATCH, 7]


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
