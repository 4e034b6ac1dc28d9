"""A source is told as it stands, without following a symlink, waiting for a FIFO or leaving its root."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from cloudgather.agent.job import Trouble
from cloudgather.agent.looking import Looking, look, root_of
from cloudgather.agent.places import closing
from cloudgather.ports.source import Absent, Look, Refused
from unit.agent.orders import looked, paths, scanned, version_of


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
