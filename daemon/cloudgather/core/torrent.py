"""Reads torrent files: what is downloaded, under which names and how large it is, and whether that may be believed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import because

PAD_FOLDER: Final = b".pad"  # as programs call it that write pad files
MOST_BYTES: Final = 16 * 1024 * 1024  # of a torrent file
_DEEPEST: Final = 64
_MOST_VALUES: Final = 1_000_000  # read in about a second; 16 MiB can hold far more of them
_MOST_FILES: Final = 200_000
_MOST_SIZE: Final = 2**60
_LONGEST_NAME: Final = 255
_LONGEST_NUMBER: Final = 20
_PAD: Final = b"p"  # BEP 47: a file of nothing, which no program stores


class BadTorrent(ValueError):
    """It is no torrent file, or one that must not be downloaded; `reason` is a torrent.* code."""

    def __init__(self, code: Code, **facts: Any) -> None:
        super().__init__(code)
        self.reason = because(code, **facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TorrentFile:
    """One file of a torrent."""

    index: int  # from 1, as it is numbered by the downloaders, pad files counted
    path: bytes  # below the torrent's folder; of a torrent of one file its name
    size: int  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Torrent:
    """What a torrent file says."""

    infohash: str  # 40 hex digits of v1, or of v2 cut short where it has no v1
    name: bytes
    files: tuple[TorrentFile, ...]  # pad files left out
    private: bool

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)


def read_torrent(content: bytes) -> Torrent:
    """What is in a torrent file; raises BadTorrent.

    Names that lead out of the torrent's folder are refused rather than mended: whoever made them meant harm.
    """
    if len(content) > MOST_BYTES:
        raise BadTorrent(Code.TORRENT_TOO_LARGE, most=MOST_BYTES)
    begin = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin.startswith(b"<"):
        raise BadTorrent(Code.TORRENT_WEB_PAGE)
    if not content.startswith(b"d"):
        raise BadTorrent(Code.TORRENT_OTHER)
    reader = _Reader(content)
    document = reader.document()
    info = document.get(b"info")
    if not isinstance(info, dict) or reader.info is None:
        raise BadTorrent(Code.TORRENT_OTHER)
    name = _name(info.get(b"name.utf-8", info.get(b"name")))
    version = info.get(b"meta version", 1)
    pieces = info.get(b"pieces")
    if isinstance(pieces, bytes) and pieces:
        infohash = hashlib.sha1(reader.info, usedforsecurity=False).hexdigest()
        files = _files_of_first(info, name)
    elif version == 2:
        infohash = hashlib.sha256(reader.info).hexdigest()[:40]
        files = _files_of_second(info.get(b"file tree"), name)
    else:
        raise BadTorrent(Code.TORRENT_NO_HASHES)
    if not files:
        raise BadTorrent(Code.TORRENT_NO_FILES)
    if len({file.path for file in files}) < len(files):
        raise BadTorrent(Code.TORRENT_SAME_NAME)
    return Torrent(infohash=infohash, name=name, files=files, private=info.get(b"private") == 1)


def is_pad(path: bytes, size: int) -> bool:
    """Whether a file is a pad file by its name: `.pad/SIZE`."""
    folder, _, name = path.rpartition(b"/")
    return folder.rpartition(b"/")[2] == PAD_FOLDER and name == b"%d" % size


def _files_of_first(info: Mapping[bytes, Any], name: bytes) -> tuple[TorrentFile, ...]:
    if b"files" not in info:
        return (TorrentFile(index=1, path=name, size=_size(info.get(b"length"))),)
    listed = info[b"files"]
    if not isinstance(listed, list):
        raise BadTorrent(Code.TORRENT_DAMAGED)
    if len(listed) > _MOST_FILES:
        raise BadTorrent(Code.TORRENT_TOO_MANY_FILES, most=_MOST_FILES)
    found = []
    for index, each in enumerate(listed, 1):
        if not isinstance(each, dict):
            raise BadTorrent(Code.TORRENT_DAMAGED)
        size = _size(each.get(b"length"))
        attributes = each.get(b"attr", b"")
        if isinstance(attributes, bytes) and _PAD in attributes:
            continue
        parts = each.get(b"path.utf-8", each.get(b"path"))
        if not isinstance(parts, list) or not parts:
            raise BadTorrent(Code.TORRENT_DAMAGED)
        found.append(TorrentFile(index=index, path=b"/".join(_name(part) for part in parts), size=size))
    return tuple(found)


def _files_of_second(tree: Any, name: bytes) -> tuple[TorrentFile, ...]:
    if not isinstance(tree, dict):
        raise BadTorrent(Code.TORRENT_DAMAGED)
    found: list[tuple[bytes, int]] = []

    def walk(folder: Mapping[bytes, Any], above: tuple[bytes, ...]) -> None:
        for part, below in sorted(folder.items()):
            if not isinstance(below, dict):
                raise BadTorrent(Code.TORRENT_DAMAGED)
            path = (*above, _name(part))
            file = below.get(b"")
            if isinstance(file, dict):
                found.append((b"/".join(path), _size(file.get(b"length"))))
            else:
                walk(below, path)
            if len(found) > _MOST_FILES:
                raise BadTorrent(Code.TORRENT_TOO_MANY_FILES, most=_MOST_FILES)

    walk(tree, ())
    return tuple(TorrentFile(index=index, path=path, size=size) for index, (path, size) in enumerate(found, 1))


def _size(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= _MOST_SIZE:
        raise BadTorrent(Code.TORRENT_DAMAGED)
    return value


def _name(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise BadTorrent(Code.TORRENT_DAMAGED)
    if value in (b"", b".", b"..") or b"/" in value or b"\\" in value or b"\0" in value:
        raise BadTorrent(Code.TORRENT_BAD_NAME, name=value[:_LONGEST_NAME])
    if len(value) > _LONGEST_NAME:
        raise BadTorrent(Code.TORRENT_LONG_NAME, most=_LONGEST_NAME)
    return value


class _Reader:
    """Bencode: i1e, 4:text, l…e, d…e. Keeps the bytes of the value under `info` of the outermost dictionary."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._values = 0
        self.info: bytes | None = None

    def document(self) -> dict[bytes, Any]:
        value: dict[bytes, Any] = self._value(0)  # begins with a d
        if self._at != len(self._content):
            raise BadTorrent(Code.TORRENT_DAMAGED)
        return value

    def _value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise BadTorrent(Code.TORRENT_TOO_MUCH)
        self._values += 1
        if self._values > _MOST_VALUES:
            raise BadTorrent(Code.TORRENT_TOO_MUCH)
        match self._content[self._at : self._at + 1]:
            case b"i":
                self._at += 1
                return self._number(b"e")
            case b"l":
                return self._list(depth)
            case b"d":
                return self._dictionary(depth)
            case _:
                return self._text()

    def _number(self, end: bytes) -> int:
        stop = self._content.find(end, self._at, self._at + _LONGEST_NUMBER + 1)
        digits = self._content[self._at : stop] if stop >= 0 else b""
        if not digits.removeprefix(b"-").isdigit():
            raise BadTorrent(Code.TORRENT_DAMAGED)
        self._at = stop + 1
        return int(digits)

    def _text(self) -> bytes:
        length = self._number(b":")
        if length < 0 or self._at + length > len(self._content):
            raise BadTorrent(Code.TORRENT_CUT)
        self._at += length
        return self._content[self._at - length : self._at]

    def _list(self, depth: int) -> list[Any]:
        self._at += 1
        found = []
        while not self._ends():
            found.append(self._value(depth + 1))
        return found

    def _dictionary(self, depth: int) -> dict[bytes, Any]:
        self._at += 1
        found: dict[bytes, Any] = {}
        while not self._ends():
            key = self._text()
            if key in found:
                raise BadTorrent(Code.TORRENT_DAMAGED)
            begin = self._at
            found[key] = self._value(depth + 1)
            if depth == 0 and key == b"info":
                self.info = self._content[begin : self._at]
        return found

    def _ends(self) -> bool:
        if self._at >= len(self._content):
            raise BadTorrent(Code.TORRENT_CUT)
        if self._content[self._at : self._at + 1] == b"e":
            self._at += 1
            return True
        return False
