"""Decides whether a file is complete, from facts gathered outside; each condition has a code and its facts."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from cgwire.codes import Code
from cgwire.reasons import Reason, because

# Where nobody can be asked, ten minutes without a change; where a downloader answers, the guess may be shorter.
AUTO_WITHOUT_DOWNLOADER: Final = timedelta(minutes=10)
AUTO_WITH_DOWNLOADER: Final = timedelta(seconds=10)
# Seconds: what a downloader has begun is in its answers a moment later than its files are on the disk.
_ASKED_AFTER_CHANGE: Final = 1.0
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


class Evidence(NamedTuple):
    """What is known of one file at one moment. Spans are seconds, `now` and `quiet_since` monotonic.

    A tuple, as is the verdict, since every file is judged: half of the price.
    """

    now: float
    quiet_since: float  # since when neither an event nor a change of size, mtime, ctime was seen by us
    event_seen: bool  # an event told of it (then its ctime is not enough)
    ctime_age: float | None  # wall clock minus ctime: below 0 where that lies ahead; None when the wall clock jumped
    written: bool | None  # somebody has it open for writing; None: cannot be known
    blind_because: str | None = None  # file-system, permission, error
    partial_pattern: str | None = None  # the in-progress name pattern that its name matches
    control_file: bytes | None = None  # an aria2 control file that stands for it
    downloader: Reason | None = None  # what a configured downloader that claims it, or may, says of it
    asked: tuple[str, ...] = ()  # names of the downloaders, where none claims it
    asked_since: float | None = None  # monotonic: all that answer have been asked since then; None: none answers


class Verdict(NamedTuple):
    """Whether the file is settled, and if not, why."""

    settled: bool
    guessed: bool
    reasons: tuple[Reason, ...]  # what it waits for; where a downloader decides, what that says, be it wait.* or met.*
    look_again: float | None  # monotonic; when it makes sense to look again; None once settled


_SETTLED: Final = Verdict(settled=True, guessed=True, reasons=(), look_again=None)


def needed_quiet(settle: timedelta | None, *, downloader_answers: bool = False) -> timedelta:
    """The task's `settle`, with "auto" (None) filled in."""
    if settle is not None:
        return settle
    return AUTO_WITH_DOWNLOADER if downloader_answers else AUTO_WITHOUT_DOWNLOADER


def judge(evidence: Evidence, settle: timedelta) -> Verdict:
    """A downloader's word alone decides; else quiet, no writer, a name and neighbours that are not in progress."""
    if evidence.downloader is not None:
        return _as_the_downloader_says(evidence.downloader, evidence.now)
    unmet = _unmet(evidence, settle)
    if not any(unmet):
        return _SETTLED
    waits = tuple(filter(None, unmet))
    # All must hold, so looking before the last of them can be met is in vain.
    left = max(_LOOK_AGAIN[wait.code] or wait.facts["left"] for wait in waits)
    return Verdict(settled=False, guessed=True, reasons=waits, look_again=evidence.now + left)


def conditions(evidence: Evidence, settle: timedelta) -> tuple[Reason, ...]:
    """Every condition with its facts, for who asks: wait.*, or met.* where it is met."""
    if evidence.downloader is not None:
        return (evidence.downloader,)
    since, needed = _quiet(evidence, settle)
    blind = because(Code.MET_WRITER_UNKNOWN, cause=evidence.blind_because or "error")
    met = (
        because(Code.MET_QUIET, since=since, needed=needed),
        blind if evidence.written is None else because(Code.MET_NO_WRITER),
        because(Code.MET_NAME),
        because(Code.MET_NO_CLAIM, downloaders=list(evidence.asked))
        if evidence.asked
        else because(Code.MET_NO_DOWNLOADER),
    )
    return tuple(wait or met for wait, met in zip(_unmet(evidence, settle), met, strict=True))


def _as_the_downloader_says(word: Reason, now: float) -> Verdict:
    waits = word.code.startswith("wait.")
    return Verdict(
        settled=not waits,
        guessed=False,
        reasons=(word,),
        look_again=now + _LOOK_AGAIN_AT_DOWNLOADER if waits else None,
    )


def _unmet(evidence: Evidence, settle: timedelta) -> tuple[Reason | None, Reason | None, Reason | None, Reason | None]:
    """What each condition waits for; None where it is met. Most files are settled when they are looked at: no reason is
    made for what is met before somebody asks.
    """
    now, _, _, _, written, _, partial_pattern, control_file, _, asked, asked_since = evidence
    since, needed = _quiet(evidence, settle)
    quiet = writer = name = beside = None
    if since < needed:
        quiet = because(Code.WAIT_QUIET, since=since, left=needed - since, needed=needed)
    if written:
        writer = because(Code.WAIT_WRITER, writers=[])
    if partial_pattern is not None:
        name = because(Code.WAIT_PARTIAL_NAME, pattern=partial_pattern)
    if control_file is not None:
        beside = because(Code.WAIT_CONTROL_FILE, file=control_file)
    elif asked and asked_since is not None and since < now - asked_since + _ASKED_AFTER_CHANGE:
        # Downloaders which could have begun it must have been asked since, and claim nothing.
        beside = because(Code.WAIT_ASKING, downloaders=list(asked))
    return quiet, writer, name, beside


def _quiet(evidence: Evidence, settle: timedelta) -> tuple[float, float]:
    """Seconds that it has been quiet for, and must be."""
    now, quiet_since, event_seen, ctime_age, written, _, _, _, _, _, _ = evidence
    since = now - quiet_since
    if since < 0:  # it may have been noticed since that was now
        since = 0.0
    if written is None:
        return since, max(settle, QUIET_AT_LEAST_WHEN_BLIND).total_seconds()
    if ctime_age is not None and ctime_age > since and not event_seen:
        since = ctime_age
    return since, settle.total_seconds()
