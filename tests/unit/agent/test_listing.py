"""What stands at a target is told as it is, and nothing is told of what cannot be known."""

import os
from pathlib import Path

import pytest

from cloudgather.agent.job import CHUNK, Job, Trouble
from cloudgather.agent.listing import digest, listing, look
from unit.agent import orders
from unit.agent.orders import Pair


def list_folder(pair: Pair, folder: bytes) -> list[list[object]] | None:
    found = listing(Job(), root=os.fsencode(pair.target), identity=None, folder=folder)
    return None if found is None else sorted(found)


def test_a_listing_has_every_entry(pair: Pair, tmp_path: Path) -> None:
    (pair.target / "shows/one").mkdir(parents=True)
    (pair.target / "shows/two.mkv").write_bytes(b"two")
    (pair.target / "shows/link").symlink_to(tmp_path / "nothing")
    name = b"\xff\n"
    with open(os.path.join(os.fsencode(pair.target), b"shows", name), "wb"):
        pass
    for entry in os.scandir(pair.target / "shows"):
        os.utime(entry, ns=(7, 7), follow_symlinks=False)

    found = list_folder(pair, b"shows")

    assert found is not None
    assert [(row[0], row[1], row[3]) for row in found] == [
        (b"link", False, 7),
        (b"one", False, 7),
        (b"two.mkv", True, 7),
        (name, True, 7),
    ]
    assert found[2][2] == 3


def test_a_folder_that_is_not_there_is_none_and_an_empty_one_is_empty(pair: Pair) -> None:
    (pair.target / "empty").mkdir()
    (pair.target / "file").write_bytes(b"")
    (pair.target / "link").symlink_to(pair.target / "empty")

    assert list_folder(pair, b"empty") == []
    assert list_folder(pair, b"none") is None
    assert list_folder(pair, b"none/below") is None
    assert list_folder(pair, b"file") is None
    assert list_folder(pair, b"link") is None
    assert len(list_folder(pair, b"") or []) == 3


def test_looking_tells_each_path(pair: Pair, tmp_path: Path) -> None:
    (pair.target / "a").mkdir()
    (pair.target / "a/file").write_bytes(b"12345")
    os.utime(pair.target / "a/file", ns=(9, 9))
    (pair.target / "link").symlink_to(tmp_path)
    paths = [b"a/file", b"a", b"link", b"none", b"none/file", b"a/file/below", b"link/source", b""]

    found = look(Job(), root=os.fsencode(pair.target), identity=None, paths=paths)

    assert found[0] == (5, 9, True)
    assert [each is not None and each[2] for each in found] == [True, False, False, False, False, False, False, False]
    assert [each is None for each in found] == [False, False, False, True, True, True, True, False]


def test_a_digest_is_of_all_bytes_and_tells_how_far_it_is(pair: Pair) -> None:
    data = os.urandom(2 * CHUNK + 5)
    (pair.target / "film").write_bytes(data)
    job = Job()

    found = digest(job, root=os.fsencode(pair.target), identity=None, path=b"film")

    assert found == orders.digest(data)
    assert job.done == len(data)


def test_a_digest_of_what_is_no_file_is_refused_without_waiting(pair: Pair) -> None:
    os.mkfifo(pair.target / "fifo")

    with pytest.raises(Trouble) as trouble:
        digest(Job(), root=os.fsencode(pair.target), identity=None, path=b"fifo")

    assert trouble.value.kind == "occupied"
