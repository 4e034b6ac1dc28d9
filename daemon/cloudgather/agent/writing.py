"""Who has a file open for writing, as far as /proc shows other processes to us."""

import os
from typing import Final

from cloudgather.agent.places import closing, components, open_root, walk

_MOST_INFO: Final = 4096


def writers(root: bytes, path: bytes) -> list[tuple[int, str]]:
    """(pid, name) of each process with a descriptor for writing, or a writable shared mapping, of this very file.

    Nobody, where it is not there; raises OSError where it cannot be looked at. Touches no file system but proc for
    files that are not it: one that hangs elsewhere does not hang this.
    """
    parts = components(path)
    with closing(open_root(root)) as top:
        try:
            with closing(walk(top, parts[:-1])) as folder:
                state = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
    found = []
    for entry in os.listdir(b"/proc"):
        if entry.isdigit() and (_writes_by_descriptor(entry, state) or _writes_by_mapping(entry, state, parts[-1])):
            found.append((int(entry), _name(entry)))
    return sorted(found)


def _read(path: bytes, most: int = _MOST_INFO) -> bytes:
    with closing(os.open(path, os.O_RDONLY | os.O_CLOEXEC)) as fd:
        pieces = []
        while most > 0 and (piece := os.read(fd, min(most, 65536))):
            pieces.append(piece)
            most -= len(piece)
        return b"".join(pieces)


def _writes_by_descriptor(pid: bytes, state: os.stat_result) -> bool:
    try:
        numbers = os.listdir(b"/proc/%s/fd" % pid)
    except OSError:
        return False
    return any(_is_writer(pid, number, state) for number in numbers)


def _is_writer(pid: bytes, number: bytes, state: os.stat_result) -> bool:
    try:
        info = dict(line.split(b":", 1) for line in _read(b"/proc/%s/fdinfo/%s" % (pid, number)).splitlines()[:4])
        if int(info[b"flags"], 8) & os.O_ACCMODE == os.O_RDONLY:
            return False
        # Told since Linux 5.14; before, every descriptor for writing must be looked at.
        if b"ino" in info and int(info[b"ino"]) != state.st_ino:
            return False
        return os.path.samestat(os.stat(b"/proc/%s/fd/%s" % (pid, number)), state)
    except (OSError, ValueError, KeyError):
        return False


def _writes_by_mapping(pid: bytes, state: os.stat_result, name: bytes) -> bool:
    """By inode and name: btrfs shows other devices in maps than in stat."""
    try:
        lines = _read(b"/proc/%s/maps" % pid, 16 * 1024 * 1024).splitlines()
    except OSError:
        return False
    # Newlines are escaped in maps; such a name is told by its inode alone.
    shown = name if b"\n" not in name else b""
    return any(_is_written_mapping(line.split(None, 5), state, shown) for line in lines)


def _is_written_mapping(fields: list[bytes], state: os.stat_result, name: bytes) -> bool:
    if len(fields) != 6:
        return False
    _, mode, _, _, inode, path = fields
    return mode[1:2] == b"w" and mode[3:4] == b"s" and int(inode) == state.st_ino and path.endswith(name)


def _name(pid: bytes) -> str:
    try:
        return _read(b"/proc/%s/comm" % pid).strip().decode("utf-8", "replace")
    except OSError:
        return ""
