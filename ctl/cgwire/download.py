"""Requests about downloads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cgwire.access import Access
from cgwire.request import Request

# Who may only download sees and steers downloads of their own; with `operate` one sees and steers all.


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Request):
    """Download something and send the result to a target: {download: download map as in download.list, reused}.

    Either `uri` (magnet, http, https, ftp) or `blob` (a torrent file, see blob.append). The result goes where the task
    `task` sends to, or to `to` (TARGET:FOLDER, needs operate), else where the configuration says. `files`: numbers of
    the files that are wanted, from 1; `choose`: wait until download.select has named them; `options`: the downloader's
    own. `if_exists`: "reuse" what is there of the same torrent, or "refuse". `reused`: it is an earlier download.
    """

    METHOD: ClassVar[str] = "download.add"
    ACCESS: ClassVar[Access] = Access.DOWNLOAD

    uri: str | None = None
    blob: int | None = None
    downloader: str | None = None
    task: str | None = None
    to: str | None = None
    files: tuple[int, ...] = ()
    choose: bool = False
    options: Mapping[str, Any]
    paused: bool = False
    if_exists: str = "reuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class List(Request):
    """{downloads: [download]}, oldest first; each is

    {id, name: bin, state, paused, uri | None, downloader, task | None, target, destination: bin, user, size | None,
     done | None, speed (bytes a second) | None, reason: reason | None, held: reason | None, created, updated}
    """

    METHOD: ClassVar[str] = "download.list"
    ACCESS: ClassVar[Access] = Access.DOWNLOAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Show(Request):
    """{download: download map as in download.list, folder: bin, infohash | None, options, upload: task name | None,
    history: [{at, event, before, after, reason: reason | None}]}; history newest first.
    """

    METHOD: ClassVar[str] = "download.show"
    ACCESS: ClassVar[Access] = Access.DOWNLOAD

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Files(Request):
    """{files: [[number, path: bin, size, done, wanted]]}; empty while they are not known."""

    METHOD: ClassVar[str] = "download.files"
    ACCESS: ClassVar[Access] = Access.DOWNLOAD

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Select(Request):
    """Download the files with these numbers (from 1) and no others; one that waits for this begins: {}."""

    METHOD: ClassVar[str] = "download.select"
    ACCESS: ClassVar[Access] = Access.DOWNLOAD

    id: int
    files: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Request):
    """Let it rest until download.resume: {}."""

    METHOD: ClassVar[str] = "download.pause"
    ACCESS: ClassVar[Access] = Access.DOWNLOAD

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Request):
    """Undo download.pause: {}."""

    METHOD: ClassVar[str] = "download.resume"
    ACCESS: ClassVar[Access] = Access.DOWNLOAD

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Request):
    """Try a failed one again; what is complete is only uploaded again: {}."""

    METHOD: ClassVar[str] = "download.retry"
    ACCESS: ClassVar[Access] = Access.DOWNLOAD

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove(Request):
    """End it and remove what is here of it, with `keep_files` from the downloader only. The target keeps its own.

    {under_way: whether that was ordered before, and is not over}. One that has ended leaves the list.
    """

    METHOD: ClassVar[str] = "download.remove"
    ACCESS: ClassVar[Access] = Access.DOWNLOAD

    id: int
    keep_files: bool = False
