"""Decides what a written transfer comes to where the program behind the mount (rclone) uploads later by itself."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.transfer import Transfer

# A file counts as handed over only after close(), which the kernel tells the program a moment later: one look that
# finds nothing to be uploaded proves nothing.
CALM: Final = timedelta(seconds=2)
# Listings of clouds lag behind; to send a file again costs more than to look again.
MISSED: Final = timedelta(seconds=60)
_SAME_INSTANT_NS: Final = 1_000_000_000
_NOT_THERE: Final = "it has nothing left to upload, and the cloud does not list the file whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What the program has yet to do for one file."""

    pending: bool  # queued, running, or waiting to be tried again
    others: int = 0  # it cannot tell which file is pending, but that so many are
    failures: int = 0  # failed tries of this file, as far as it remembers
    message: str | None = None  # its error of the last one, or what else may explain that the cloud does not have it


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What the cloud lists under a file's name."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The cloud has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """To be asked again."""

    why: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The cloud does not have it, and nobody is going to upload it: to be sent again."""

    why: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Failed for good, until the operator says so."""

    why: Reason


def judge_pending(upload: Upload, *, age: timedelta, within: timedelta) -> NotYet | Refused:
    """Of a file that the program has yet to upload, `age` after it was written.

    The program tries again by itself for ever, so a failed try is no end: the network may be down for a night. An
    upload that goes on without an error may take as long as it likes.
    """
    if upload.failures and age > within:
        return Refused(
            why=because(Code.FAIL_RCLONE, step="upload", message=upload.message or "", tries=upload.failures)
        )
    if upload.others and not upload.failures:
        return NotYet(why=because(Code.CONFIRM_BUSY, files=upload.others))
    return NotYet(why=because(Code.CONFIRM_UPLOADING, **(_told(upload) if upload.failures else {})))


def judge_listed(
    transfer: Transfer, upload: Upload, listed: Listed | None, *, missed: timedelta, attempts: int
) -> Stored | NotYet | Lost | Refused:
    """Of a file that has been calm, by what the cloud lists now; `missed`: for how long it has not been shown."""
    if listed is not None and listed.size == transfer.version.size and not _is_the_old_one(transfer, listed):
        return Stored()
    facts: dict[str, object] = {"size": transfer.version.size}
    facts |= {} if listed is None else {"target_size": listed.size}
    if missed < MISSED:
        return NotYet(why=because(Code.CONFIRM_NOT_SHOWN, **facts))
    facts |= {"step": "upload", **_told(upload)}
    if transfer.attempts + 1 >= attempts:
        return Refused(why=because(Code.FAIL_RCLONE, **{"message": _NOT_THERE, **facts}))
    return Lost(why=because(Code.RETRY_LOST, **facts))


def _told(upload: Upload) -> dict[str, object]:
    told: dict[str, object] = {"tries": upload.failures} if upload.failures else {}
    return told | ({"message": upload.message} if upload.message else {})


def _is_the_old_one(transfer: Transfer, listed: Listed) -> bool:
    """Whether it is the file of the same size that stood there before, which has not been replaced yet."""
    sent = transfer.sent
    if sent is None or sent.standing is None or sent.standing[0] != listed.size:
        return False
    before = sent.standing[1]
    if sent.mtime_ns is not None and abs(sent.mtime_ns - before) < _SAME_INSTANT_NS:
        return False  # nothing tells them apart
    return abs(listed.mtime_ns - before) < _SAME_INSTANT_NS
