"""Where a file goes, and how names that need not be UTF-8 are put together and shown."""

import re
from typing import Final

_FOLDER_OF_DOWNLOAD: Final = re.compile(rb"cg-([0-9a-f]{8})-([1-9][0-9]{0,17})")


def destination(base: bytes, path: bytes) -> bytes:
    """A path below the target's root for a path below the source."""
    return base + b"/" + path if base else path


def split(path: bytes) -> tuple[bytes, bytes]:
    """(folder, name); the folder of a top-level name is b""."""
    folder, _, name = path.rpartition(b"/")
    return folder, name


def sibling(path: bytes, name: bytes) -> bytes:
    """The path of `name` in the folder of `path`."""
    folder, _ = split(path)
    return folder + b"/" + name if folder else name


def unit_of(path: bytes) -> bytes:
    """The top-level entry that a path belongs to."""
    return path.split(b"/", 1)[0]


def folder_of_download(daemon: str, id: int) -> bytes:
    """The name of a download's own folder: another daemon may download into the same disk, and ids begin anew there."""
    return f"cg-{daemon}-{id}".encode()


def download_of_folder(name: bytes) -> tuple[str, int] | None:
    """The daemon and the id of the download that a folder of this name was made for; None: it was made for none."""
    made = _FOLDER_OF_DOWNLOAD.fullmatch(name)
    return None if made is None else (made[1].decode(), int(made[2]))


def shown(path: bytes) -> str:
    """For logs and people: UTF-8, with control characters and what is not UTF-8 as backslash escapes."""
    text = path.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
