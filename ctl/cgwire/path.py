"""Requests about a file or folder of the daemon's machine."""

from dataclasses import dataclass
from typing import ClassVar

from cgwire.access import Access
from cgwire.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Why(Request):
    """Why an absolute path is where it is.

    {path, task | None, relative | None,
     verdict: "uploaded" | "queued" | "copying" | "waiting" | "skipped" | "failed" | "downloading" | "unknown" | …,
     settle: {conditions: [reason], guessed} | None, reasons: [reason], transfer: transfer map | None,
     ledger: {size, mtime, at, target, destination, strength, origin} | None,
     also: [other tasks that claim it]}
    """

    METHOD: ClassVar[str] = "path.why"
    ACCESS: ClassVar[Access] = Access.VIEW

    path: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload(Request):
    """Bring over these files or folders now: {runs: [id], accepted: n, refused: [[path, reason]]}.

    Paths are absolute and lie in tasks' sources.

    `skip_settle`: they are complete, says the caller; else settle applies.
    """

    METHOD: ClassVar[str] = "path.upload"
    ACCESS: ClassVar[Access] = Access.OPERATE

    paths: tuple[bytes, ...]
    skip_settle: bool = False
