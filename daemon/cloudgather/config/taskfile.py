"""Writes task files: composed from values, put in place in one step."""

import errno
import os
import secrets
from collections.abc import Mapping
from typing import Any, Final

import tomlkit
from tomlkit.items import Table

# In the order in which they are written; what each is for, in English and Chinese.
_NOTES: Final[Mapping[str, str]] = {
    "source": "where finished downloads are · 下载目录",
    "target": "where they go: TARGET:folder, or a path on the mount · 上传到哪里",
    "rules": "any of: missing, changed, size, newer · 同步规则",
    "initial": "what is there already: send, adopt, ignore · 已有文件如何处理",
    "watch": "notice new files at once · 实时监控",
    "schedule": "cron, 5 fields · 定时",
    "every": "or a fixed span · 间隔",
    "timezone": "",
    "catch_up": "run once what was missed while the daemon was down · 补跑",
    "rescan": "",
    "settle": "how long a file must be quiet · 静默时间",
    "send": "file, or folder: all of a folder first · 按文件或整个文件夹",
    "if_gone": "what was sent and is gone from the target: leave, resend",
    "upload_window": "only then · 上传时段",
    "window_end": "",
    "priority": "",
}
_FILTER: Final = "filter"


def compose(name: str, values: Mapping[str, Any]) -> str:
    """A task file with comments; `values` are as in the file, `filter` a mapping of its own. None stands for absent.

    Raises ValueError for values that TOML cannot hold.
    """
    wanted = values.get(_FILTER) or {}
    if not isinstance(wanted, Mapping):
        raise ValueError("filter is a table")
    document = tomlkit.document()
    document.add(tomlkit.comment(f"{' '.join(name.split())}: a task of CloudGather. All keys: example.toml.sample"))
    document.add(tomlkit.nl())
    for key in sorted(values, key=_position):
        if key != _FILTER and values[key] is not None:
            _add(document, key, values[key], _NOTES.get(key, ""))
    if wanted := {key: value for key, value in wanted.items() if value is not None}:
        table = tomlkit.table()
        for key, value in wanted.items():
            _add(table, key, value, "")
        document.add(tomlkit.nl())
        document.add(_FILTER, table)
    return tomlkit.dumps(document)


def write(directory: str, name: str, text: str, *, new: bool = False) -> str:
    """Put the file of task `name` in place, durably and in one step; its path is the answer.

    Raises FileExistsError if `new` and it is there already, OSError as it comes.
    """
    path = os.path.join(directory, f"{name}.toml")
    temporary = os.path.join(directory, f".{secrets.token_hex(8)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        with open(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        if new:
            _place_new(temporary, path)
        else:
            if (mode := _mode_of(path)) is not None:
                os.chmod(temporary, mode)
            os.replace(temporary, path)
    except BaseException:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        raise
    _sync(directory)
    return path


def remove(directory: str, name: str) -> None:
    """Take the file of task `name` away, durably; raises FileNotFoundError if there is none."""
    os.unlink(os.path.join(directory, f"{name}.toml"))
    _sync(directory)


def _place_new(temporary: str, path: str) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        # A file system without hard links (FAT, many FUSE ones): only the daemon writes here, so a look is enough.
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from None
        os.rename(temporary, path)
    else:
        os.unlink(temporary)


def _position(key: str) -> int:
    return list(_NOTES).index(key) if key in _NOTES else len(_NOTES)


def _add(place: tomlkit.TOMLDocument | Table, key: str, value: Any, note: str) -> None:
    item = tomlkit.item(value)
    if note:
        item.comment(note)
    place.add(key, item)


def _mode_of(path: str) -> int | None:
    try:
        return os.stat(path).st_mode & 0o777
    except FileNotFoundError:
        return None


def _sync(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
