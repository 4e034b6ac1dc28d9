"""Requests about runs of tasks."""

from dataclasses import dataclass
from typing import ClassVar

from cgwire.access import Access
from cgwire.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class List(Request):
    """Newest first: {runs: [run]}; a run is

    {id, task, trigger, started, scanned, ended, seen, planned, skipped, settling, left, uploaded, failed, bytes,
     problem: reason | None}

    `settling` files of it may not be complete yet, `left` are queued or under way.
    """

    METHOD: ClassVar[str] = "run.list"
    ACCESS: ClassVar[Access] = Access.VIEW

    task: str | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Show(Request):
    """A run map as in run.list."""

    METHOD: ClassVar[str] = "run.show"
    ACCESS: ClassVar[Access] = Access.VIEW

    id: int
