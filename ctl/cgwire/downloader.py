"""Requests about downloaders."""

from dataclasses import dataclass
from typing import ClassVar

from cgwire.access import Access
from cgwire.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class List(Request):
    """{downloaders: [downloader]}; a downloader is

    {name, kind: "qbittorrent" | "aria2" | "transmission", url, state: "ok" | "silent", silent: reason | None,
     items: n, unfinished: n, stalled: n (nobody sends anything), speed, heard: seconds since its last answer | None}
    """

    METHOD: ClassVar[str] = "downloader.list"
    ACCESS: ClassVar[Access] = Access.VIEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Show(Request):
    """A downloader map as in downloader.list, and beside its keys

    {config: map of every key in effect,
     unfinished_items: [[name, phase, progress, speed, folder (here)]] (at most 100)}
    """

    METHOD: ClassVar[str] = "downloader.show"
    ACCESS: ClassVar[Access] = Access.VIEW

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Test(Request):
    """Ask it anew, with a login of its own, and look whether the folders that it names are here.

    {ok, findings: [[ok, reason]], program: its version | None, api | None, seconds: to answer | None}
    """

    __test__: ClassVar[bool] = False  # pytest would take it for a test

    METHOD: ClassVar[str] = "downloader.test"
    ACCESS: ClassVar[Access] = Access.OPERATE

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Detect(Request):
    """Look for downloaders at the usual ports of the machine:

    {found: [{kind, url, configured, lines: [str]}], tried: [{kind, url}]}

    `configured` is the name under which it is configured already, or None; `lines` are what to put into the main file.
    """

    METHOD: ClassVar[str] = "downloader.detect"
    ACCESS: ClassVar[Access] = Access.OPERATE
