"""Decides whether a file is complete, from facts gathered outside; each condition has a code and its facts."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from cgwire.codes import Code
from cgwire.reasons import Reason, because

# Where nobody can be asked, ten minutes without a change; where a downloader answers, the guess may be shorter.
AUTO_WITHOUT_DOWNLOADER: Final = timedelta(minutes=10)
AUTO_WITH_DOWNLOADER: Final = timedelta(seconds=10)
# What a downloader has begun is in its answers a moment later than its files are on the disk.
ASKED_AFTER_CHANGE: Final = timedelta(seconds=1)
# Without knowing about writers, quiet alone must carry the guess.
QUIET_AT_LEAST_WHEN_BLIND: Final = timedelta(seconds=120)

# Seconds until it is looked at again where no event will tell: a close and a rename give one, on most file systems.
_LOOK_AGAIN: Final[Mapping[str, float | None]] = {
    Code.WAIT_QUIET: None,  # once it would have been quiet for long enough
    Code.WAIT_WRITER: 15.0,
    Code.WAIT_CONTROL_FILE: 15.0,
    Code.WAIT_PARTIAL_NAME: 600.0,
    Code.WAIT_ASKING: 1.0,
}
_LOOK_AGAIN_AT_DOWNLOADER: Final = 10.0

# Said of almost every file.
_NO_WRITER: Final = because(Code.MET_NO_WRITER)
_GOOD_NAME: Final = because(Code.MET_NAME)
_NO_DOWNLOADER: Final = because(Code.MET_NO_DOWNLOADER)


class Evidence(NamedTuple):
    """What is known of one file at one moment. Spans are seconds, `now` and `quiet_since` monotonic.

    A tuple, as is the verdict, since every file is judged: half of the price.
    """

    now: float
    quiet_since: float  # since when neither an event nor a change of size, mtime, ctime was seen by us
    event_seen: bool  # an event told of it (then its ctime is not enough)
    ctime_age: float | None  # wall clock minus ctime; None when the wall clock jumped or the ctime lies ahead
    written: bool | None  # somebody has it open for writing; None: cannot be known
    blind_because: str | None = None  # file-system, permission, error
    partial_pattern: str | None = None  # the in-progress name pattern that its name matches
    control_file: bytes | None = None  # an aria2 control file that stands for it
    downloader: Reason | None = None  # what a configured downloader that claims it, or may, says of it
    asked: tuple[str, ...] = ()  # names of the downloaders, where none claims it
    asked_since: float | None = None  # monotonic: all that answer have been asked since then; None: none answers


class Verdict(NamedTuple):
    """Whether the file is settled, and every condition with its facts (met.* and wait.*)."""

    settled: bool
    guessed: bool
    conditions: tuple[Reason, ...]
    look_again: float | None  # monotonic; when it makes sense to look again; None once settled


def needed_quiet(settle: timedelta | None, *, downloader_answers: bool = False) -> timedelta:
    """The task's `settle`, with "auto" (None) filled in."""
    if settle is not None:
        return settle
    return AUTO_WITH_DOWNLOADER if downloader_answers else AUTO_WITHOUT_DOWNLOADER


def judge(evidence: Evidence, settle: timedelta) -> Verdict:
    """A downloader's word alone decides; else quiet, no writer, a name and neighbours that are not in progress."""
    if evidence.downloader is not None:
        return _as_the_downloader_says(evidence.downloader, evidence.now)
    conditions = (_quiet(evidence, settle), _writer(evidence), _name(evidence), _beside(evidence))
    waits = [reason for reason in conditions if reason.code.startswith("wait.")]
    if not waits:
        return Verdict(settled=True, guessed=True, conditions=conditions, look_again=None)
    # All must hold, so looking before the last of them can be met is in vain.
    left = max(_LOOK_AGAIN[wait.code] or wait.facts["left"] for wait in waits)
    return Verdict(settled=False, guessed=True, conditions=conditions, look_again=evidence.now + left)


def _as_the_downloader_says(word: Reason, now: float) -> Verdict:
    waits = word.code.startswith("wait.")
    return Verdict(
        settled=not waits,
        guessed=False,
        conditions=(word,),
        look_again=now + _LOOK_AGAIN_AT_DOWNLOADER if waits else None,
    )


def _quiet(evidence: Evidence, settle: timedelta) -> Reason:
    blind = evidence.written is None
    needed = max(settle, QUIET_AT_LEAST_WHEN_BLIND).total_seconds() if blind else settle.total_seconds()
    span = _quiet_for(evidence)
    if span >= needed:
        return because(Code.MET_QUIET, since=span, needed=needed)
    return because(Code.WAIT_QUIET, since=span, left=needed - span, needed=needed)


def _quiet_for(evidence: Evidence) -> float:
    observed = max(0.0, evidence.now - evidence.quiet_since)  # it may have been noticed since that was now
    old = evidence.ctime_age if not evidence.event_seen and evidence.written is not None else None
    return max(observed, old) if old is not None else observed


def _writer(evidence: Evidence) -> Reason:
    match evidence.written:
        case True:
            return because(Code.WAIT_WRITER, writers=[])
        case False:
            return _NO_WRITER
        case None:
            return because(Code.MET_WRITER_UNKNOWN, cause=evidence.blind_because or "error")


def _name(evidence: Evidence) -> Reason:
    if evidence.partial_pattern is None:
        return _GOOD_NAME
    return because(Code.WAIT_PARTIAL_NAME, pattern=evidence.partial_pattern)


def _beside(evidence: Evidence) -> Reason:
    """A control file, or that downloaders which could have begun it have been asked since, and claim nothing."""
    if evidence.control_file is not None:
        return because(Code.WAIT_CONTROL_FILE, file=evidence.control_file)
    if not evidence.asked:
        return _NO_DOWNLOADER
    names = list(evidence.asked)
    if evidence.asked_since is not None:
        needed = evidence.now - evidence.asked_since + ASKED_AFTER_CHANGE.total_seconds()
        if _quiet_for(evidence) < needed:
            return because(Code.WAIT_ASKING, downloaders=names)
    return because(Code.MET_NO_CLAIM, downloaders=names)
