"""Where files go, and how their names are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudgather.core.naming import (
    destination,
    download_of_folder,
    folder_of_download,
    shown,
    sibling,
    split,
    unit_of,
)


@pytest.mark.parametrize(
    ("base", "path", "expected"),
    [
        (b"films", b"a.mkv", b"films/a.mkv"),
        (b"films/new", b"x/a.mkv", b"films/new/x/a.mkv"),
        (b"", b"x/a.mkv", b"x/a.mkv"),
    ],
)
def test_a_path_goes_below_its_base(base: bytes, path: bytes, expected: bytes) -> None:
    assert destination(base, path) == expected


@pytest.mark.parametrize(
    ("path", "folder", "name", "unit"),
    [
        (b"a.mkv", b"", b"a.mkv", b"a.mkv"),
        (b"x/a.mkv", b"x", b"a.mkv", b"x"),
        (b"x/y/a.mkv", b"x/y", b"a.mkv", b"x"),
        (b"\xff\n/\xfe", b"\xff\n", b"\xfe", b"\xff\n"),
    ],
)
def test_a_path_comes_apart(path: bytes, folder: bytes, name: bytes, unit: bytes) -> None:
    assert (*split(path), unit_of(path)) == (folder, name, unit)


@pytest.mark.parametrize(("path", "expected"), [(b"a.mkv", b".t"), (b"x/y/a.mkv", b"x/y/.t")])
def test_a_sibling_lies_in_the_same_folder(path: bytes, expected: bytes) -> None:
    assert sibling(path, b".t") == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"plain name.mkv", "plain name.mkv"),
        ("流浪地球.mkv".encode(), "流浪地球.mkv"),
        (b"\xff\xfe.mkv", "\\xff\\xfe.mkv"),
        (b"two\nlines\x1b[31m", "two\\nlines\\x1b[31m"),
        ("right\u202eto left".encode(), "right\\u202eto left"),
        (b"", ""),
    ],
)
def test_a_name_is_shown_on_one_line(path: bytes, expected: str) -> None:
    assert shown(path) == expected


@given(st.binary())
def test_whatever_is_shown_is_printable(path: bytes) -> None:
    assert shown(path).isprintable()


@given(daemon=st.from_regex("[0-9a-f]{8}", fullmatch=True), id=st.integers(1, 2**59))
def test_the_download_that_a_folder_was_made_for_is_known_by_its_name(daemon: str, id: int) -> None:
    assert download_of_folder(folder_of_download(daemon, id)) == (daemon, id)
