"""Where a file goes, and how names that need not be UTF-8 are put together and shown."""


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


def shown(path: bytes) -> str:
    """For logs and people: UTF-8, with control characters and what is not UTF-8 as backslash escapes."""
    text = path.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
