"""Reading torrent files, the harmful ones above all."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgwire.codes import Code
from cgwire.text import LANGUAGES, knows
from cloudgather.core.torrent import MOST_BYTES, BadTorrent, read_torrent


def encoded(value: Any) -> bytes:
    """Bencode."""
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:%s" % (len(value), value)
        case list():
            return b"l" + b"".join(encoded(each) for each in value) + b"e"
        case dict():
            return b"d" + b"".join(encoded(key) + encoded(each) for key, each in sorted(value.items())) + b"e"
    raise TypeError(value)


def a_torrent(**info: Any) -> bytes:
    whole = {b"name": b"film", b"piece length": 16384, b"pieces": b"x" * 20}
    whole |= {name.replace("_", " ").encode(): value for name, value in info.items()}
    return encoded({b"announce": b"http://tracker", b"info": {k: v for k, v in whole.items() if v is not None}})


def a_file(*path: bytes, length: int = 5, **more: bytes) -> dict[bytes, Any]:
    return {b"length": length, b"path": list(path), **{name.encode(): value for name, value in more.items()}}


def test_a_torrent_of_one_file_has_it_under_its_own_name() -> None:
    read = read_torrent(a_torrent(length=100, private=1))

    assert [(file.index, file.path, file.size) for file in read.files] == [(1, b"film", 100)]
    assert read.private
    info = {b"length": 100, b"name": b"film", b"piece length": 16384, b"pieces": b"x" * 20, b"private": 1}
    assert read.infohash == hashlib.sha1(encoded(info)).hexdigest()


def test_pad_files_are_left_out_but_counted() -> None:
    files = [a_file(b"a"), a_file(b".pad", b"1", attr=b"p"), a_file("第二".encode(), b"b.mkv", length=7)]

    read = read_torrent(a_torrent(files=files))

    assert [(file.index, file.path) for file in read.files] == [(1, b"a"), (3, "第二/b.mkv".encode())]
    assert read.size == 12
    assert not read.private


def test_a_torrent_of_the_second_version_only_is_read_from_its_tree() -> None:
    tree = {b"dir": {b"b": {b"": {b"length": 2}}}, b"a": {b"": {b"length": 1}}}
    content = a_torrent(pieces=None, meta_version=2, file_tree=tree)

    read = read_torrent(content)

    assert [(file.path, file.size) for file in read.files] == [(b"a", 1), (b"dir/b", 2)]
    assert len(read.infohash) == 40


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"a\\b", b"a\0b", b"n" * 256])
def test_a_name_that_leads_out_of_its_folder_is_refused(name: bytes) -> None:
    for content in (
        a_torrent(name=name, length=1),
        a_torrent(files=[a_file(b"good"), a_file(b"dir", name)]),
        a_torrent(files=[a_file(name)]),
        a_torrent(pieces=None, meta_version=2, file_tree={b"dir": {name: {b"x": {b"": {b"length": 1}}}}}),
    ):
        if name == b"" and b"meta version" in content:
            continue  # there it stands for the file itself
        with pytest.raises(BadTorrent):
            read_torrent(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"de",
        b"i1e",
        encoded({b"info": b"text"}),
        a_torrent(length=-1),
        a_torrent(length=2**63),
        a_torrent(),
        a_torrent(files=[]),
        a_torrent(files={}),
        a_torrent(files=[1]),
        a_torrent(files=[a_file()]),
        a_torrent(files=[a_file(b"a"), a_file(b"a")]),
        a_torrent(pieces=None, length=1),
        a_torrent(length=1) + b"e",
        a_torrent(length=1)[:-1],
        b"d4:infod" + b"1:a" * 3,
        b"l" * 100 + b"e" * 100,
        b"d4:info99999999999999999999999:",
        b"d1:ai1e1:ai2ee",
        b"i--1e",
        b"x" * (MOST_BYTES + 1),
    ],
    ids=lambda content: repr(content[:24]),
)
def test_what_is_no_sound_torrent_is_refused_with_a_reason(content: bytes) -> None:
    with pytest.raises(BadTorrent) as caught:
        read_torrent(content)

    assert {knows(caught.value.reason.code, language) for language in LANGUAGES} == {True}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<!DOCTYPE html><html>", Code.TORRENT_WEB_PAGE),
        (b"\xef\xbb\xbf\r\n <html>", Code.TORRENT_WEB_PAGE),
        (b"", Code.TORRENT_OTHER),
        (b"PK\x03\x04", Code.TORRENT_OTHER),
        (b"de", Code.TORRENT_OTHER),
        (a_torrent(length=1)[:-9], Code.TORRENT_CUT),
        (a_torrent(length=1) + b"e", Code.TORRENT_DAMAGED),
    ],
)
def test_what_is_often_saved_in_place_of_a_torrent_has_a_name(content: bytes, code: Code) -> None:
    with pytest.raises(BadTorrent) as caught:
        read_torrent(content)

    assert caught.value.reason.code == code


_VALUES = st.recursive(st.integers() | st.binary(max_size=9), st.lists, max_leaves=9)


@given(st.binary(max_size=200) | _VALUES.map(encoded))
def test_no_bytes_make_it_fail_otherwise(content: bytes) -> None:
    with pytest.raises(BadTorrent):
        read_torrent(content)


@given(st.integers(0, 300), st.binary(min_size=1, max_size=3))
def test_a_damaged_torrent_is_refused_or_read(at: int, damage: bytes) -> None:
    sound = a_torrent(files=[a_file(b"dir", b"a"), a_file(b"b")])
    at %= len(sound)

    try:
        read = read_torrent(sound[:at] + damage + sound[at + len(damage) :])
    except BadTorrent:
        return

    assert all(part not in (b"", b".", b"..") for file in read.files for part in file.path.split(b"/"))


def test_a_torrent_of_more_values_than_any_needs_is_refused_before_all_are_read() -> None:
    bomb = b"d4:infol" + b"i1e" * 1_000_001 + b"ee"
    assert len(bomb) < MOST_BYTES

    with pytest.raises(BadTorrent, match=Code.TORRENT_TOO_MUCH):
        read_torrent(bomb)
