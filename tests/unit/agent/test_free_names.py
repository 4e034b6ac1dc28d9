"""What stands under the final names of many files: a folder that was read once tells of most; where it may not, ask."""

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from unicodedata import normalize

import pytest

from cloudgather.agent.job import Trouble
from cloudgather.agent.places import FOLDER
from cloudgather.agent.publishing import Publishing
from cloudgather.agent.standing import Listing, Listings, TargetFolder
from unit.agent.orders import EventfulJob, Pair
from unit.agent.overmounts import Mounts
from unit.agent.test_sessions import copying, order

ASKED = ("stat", "target")
READ = ("list", "target")


class Folder:
    """One that has been asked for so many names that it is read for the next."""

    def __init__(self, path: Path) -> None:
        self.job = EventfulJob()
        self.folder = TargetFolder(os.open(path, FOLDER), self.job, Listing())
        for number in range(3):
            assert self.folder.standing(b"first %d" % number, replace=False) is None
        self.job.steps.clear()

    def __enter__(self) -> "Folder":
        return self

    def __exit__(self, *_: object) -> None:
        self.folder.close()

    def asks_for(self, name: str | bytes) -> bool:
        """Whether the name is asked for by itself."""
        self.job.steps.clear()
        with suppress(Trouble, OSError):
            self.folder.standing(os.fsencode(name), replace=False)
        return ASKED in self.job.steps


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"")


@pytest.mark.usefixtures("shown")
def test_the_names_of_a_folder_are_read_once_for_many_files(pair: Pair) -> None:
    orders = [order(pair, pair.file(f"a/电影 {number}.mkv"), number) for number in range(8)]
    job = EventfulJob()

    with copying(pair, job) as session:
        answers = [session.copy(**each) for each in orders]

    assert [standing for *_, standing in answers] == [None] * 8
    assert (job.steps.count(ASKED), job.steps.count(READ)) == (3, 1)


@pytest.mark.usefixtures("shown")
def test_what_one_batch_read_of_a_folder_tells_the_next(pair: Pair) -> None:
    orders = [order(pair, pair.file(f"a/{number}"), number) for number in range(8)]
    first, second, listings = EventfulJob(), EventfulJob(), Listings()

    for job, those in ((first, orders[:4]), (second, orders[4:])):
        with copying(pair, job, listings=listings) as session:
            for each in those:
                session.copy(**each)

    assert (first.steps.count(ASKED), first.steps.count(READ)) == (3, 1)
    assert (second.steps.count(ASKED), second.steps.count(READ)) == (0, 0)


def test_a_listing_is_believed_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("cloudgather.agent.standing.time.monotonic", lambda: now[0])
    listings = Listings()
    listing = listings.of(b"/root", b"films")
    listing.read({"film"})

    now[0] += 0.49
    assert listings.of(b"/root", b"films") is listing
    assert listings.of(b"/root", b"series") is not listing
    assert listings.of(b"/other", b"films") is not listing
    now[0] += 0.02
    assert listings.of(b"/root", b"films") is not listing


def test_a_folder_that_told_nothing_is_not_read_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("cloudgather.agent.standing.time.monotonic", lambda: now[0])
    listings = Listings()
    listing = listings.of(b"/root", b"films")
    listing.unread = False
    listing.read(None)

    now[0] += 59.0
    assert listings.of(b"/root", b"films").unread is False
    now[0] += 2.0
    assert listings.of(b"/root", b"films").unread


@pytest.mark.usefixtures("shown")
def test_a_file_that_was_listed_stands_and_is_asked_for(pair: Pair) -> None:
    (pair.target / "film").write_bytes(b"standing")

    with Folder(pair.target) as kept:
        with pytest.raises(Trouble) as trouble:
            kept.folder.standing(b"film", replace=False)
        os.unlink(pair.target / "film")
        free = kept.folder.standing(b"film", replace=False)

    assert (trouble.value.kind, trouble.value.facts["size"]) == ("standing", 8)
    assert free is None


@pytest.mark.usefixtures("shown")
def test_a_folder_in_place_of_a_file_is_found_before_anything_is_written(pair: Pair) -> None:
    orders = [order(pair, pair.file(f"{number}"), number) for number in range(6)]
    (pair.target / "5").mkdir()
    job = EventfulJob()

    with copying(pair, job) as session:
        for each in orders[:5]:
            session.copy(**each)
        written = job.steps.count(("open", "target"))
        with pytest.raises(Trouble) as trouble:
            session.copy(**orders[5])

    assert trouble.value.kind == "occupied"
    assert READ in job.steps
    assert job.steps.count(("open", "target")) == written


@pytest.mark.usefixtures("shown")
def test_what_is_to_be_replaced_is_asked_for_always(pair: Pair) -> None:
    with Folder(pair.target) as kept:
        assert not kept.asks_for("film")
        (pair.target / "film").write_bytes(b"standing")

        size, _ = kept.folder.standing(b"film", replace=True) or (None, None)

    assert size == 8


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize(
    ("standing", "name", "asks"),
    [
        ("film", "film 2", False),
        ("电影", "电影 2", False),
        ("-rf~", "film.", False),
        ("FILM", "film", True),
        ("film", "FILM", True),
        ("\u212aey", "key", True),
        ("film", normalize("NFC", "filmé"), True),
        (normalize("NFD", "filmé"), normalize("NFC", "filmé"), True),
        ("zero\u200bwidth", "zerowidth", True),
        ("\uf9d1", "六", True),
        ("film", "\udcff", True),
    ],
)
def test_a_name_that_may_be_another_form_of_one_that_was_listed_is_asked_for(
    tmp_path: Path, standing: str, name: str, asks: bool
) -> None:
    """A folder of a local disk may overlook case and Unicode form."""
    touch(tmp_path, standing)

    with Folder(tmp_path) as kept:
        assert kept.asks_for(name) is asks


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize(("length", "number"), [(255, None), (256, errno.ENAMETOOLONG)])
def test_a_name_that_is_too_long_is_found_out_as_ever(tmp_path: Path, length: int, number: int | None) -> None:
    found = None
    with Folder(tmp_path) as kept:
        try:
            assert kept.folder.standing(b"n" * length, replace=False) is None
        except OSError as error:
            found = error.errno

    assert found == number


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize(("entries", "asks"), [(1024, False), (1025, True)])
def test_a_folder_of_many_entries_is_not_read(tmp_path: Path, entries: int, asks: bool) -> None:
    touch(tmp_path, *map(str, range(entries)))

    with Folder(tmp_path) as kept:
        assert kept.asks_for("film") is asks


@pytest.mark.usefixtures("shown")
def test_many_entries_are_many_also_where_most_differ_in_their_case_only(tmp_path: Path) -> None:
    for number in range(600):
        touch(tmp_path, f"film {number}", f"FILM {number}")

    with Folder(tmp_path) as kept:
        assert all(kept.asks_for(f"film {number}") for number in range(600))


@pytest.mark.usefixtures("shown")
def test_in_a_folder_that_may_be_entered_and_not_read_each_name_is_asked_for(
    tmp_path: Path, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    place = tmp_path / "folder"
    place.mkdir()
    place.chmod(0o711)

    with Folder(place) as kept, as_nobody():
        assert kept.asks_for("film")


@pytest.mark.parametrize(("fs_type", "asks"), [(b"tmpfs", False), (b"ramfs", True)])
def test_a_listing_is_believed_where_the_folder_itself_is_on_a_file_system_that_lists_all(
    tmp_path: Path, mounts: Mounts, fs_type: bytes, asks: bool
) -> None:
    """vfat finds a file by names that it does not list; whatever is mounted below a target's root may be one."""
    mounts.mount(fs_type, tmp_path)

    with Folder(tmp_path) as kept:
        assert kept.asks_for("film") is asks


@pytest.mark.usefixtures("shown")
def test_what_comes_to_stand_there_after_the_folder_was_read_stays(pair: Pair) -> None:
    orders = [order(pair, pair.file(f"{number}"), number) for number in range(6)]
    root = os.fsencode(pair.target)

    with copying(pair, EventfulJob()) as session:
        for each in orders[:5]:
            session.copy(**each)
        (pair.target / "5").write_bytes(b"somebody else's")
        size, *_, standing = session.copy(**orders[5])
    with Publishing(EventfulJob(), root=root, identity=None, durable=False) as renames, pytest.raises(Trouble) as found:
        renames.publish(b"5", b".temporary-5", size, over=standing is not None)

    assert (found.value.kind, found.value.facts["size"]) == ("standing", len(b"somebody else's"))
    assert (pair.target / "5").read_bytes() == b"somebody else's"
    assert (pair.target / ".temporary-5").stat().st_size == size
