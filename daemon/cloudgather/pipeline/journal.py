"""One line per file and outcome, in the log and the journal."""

import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, groupby
from operator import attrgetter
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason
from cgwire.text import sentence
from cgwire.text.values import size
from cloudgather.core.download import Download, download_of
from cloudgather.core.download import State as DownloadState
from cloudgather.core.naming import shown
from cloudgather.core.transfer import Event, State, Transfer

logger = logging.getLogger("cloudgather.transfer")

_LEVELS = {State.FAILED: logging.ERROR, State.QUEUED: logging.WARNING}


def english(reason: Reason | None) -> str:
    """The sentence of a reason, for logs."""
    if reason is None:
        return ""
    return sentence(reason.to_wire(), "en") if reason.facts else _bare(reason.code)


@lru_cache(maxsize=256)
def _bare(code: str) -> str:
    return sentence({"code": code}, "en")


def fields(task: str, target: str, run: int | None) -> dict[str, object]:
    """The structured fields that lines about transfers have in common (outside.logs hands them to the journal)."""
    found: dict[str, object] = {"TASK": task, "TARGET": target}
    if run is not None:
        found["RUN"] = run
    if (download := download_of(task)) is not None:
        found["DOWNLOAD"] = download
    return found


class Journal:
    """Writes the operator's lines; info is what they want to read tomorrow."""

    def outcomes(self, moves: Iterable[tuple[Event, Sequence[Transfer]]]) -> None:
        """A line for each of the transfers of these moves, which have ended, were put off, or have been written.

        A move brings its transfers to one state for one reason. What has become of some of them alike is said together.
        """
        for (event, state, reason), alike in groupby(moves, _what):
            level = _LEVELS.get(state, logging.INFO)
            if not logger.isEnabledFor(level):
                continue
            told = _told(event, reason)
            for whose, those in groupby(chain.from_iterable(transfers for _, transfers in alike), _whose):
                lines = _lines(those, told, sized=event is Event.WRITE)
                text = "\n".join([line for _, line in lines])
                logger.log(level, text, extra={"lines": lines, "about": fields(*whose)})

    def download(self, download: Download) -> None:
        """A download that has come so far that it is worth a line."""
        if (told := _STEPS.get(download.state)) is not None:
            level, word = told
            why = english(download.reason)
            about = {"DOWNLOAD": download.id, "TARGET": download.asked.target}
            line = f"{word}: {why}" if why else word
            logger.log(level, "download %d %s %s", download.id, shown(download.name), line, extra={"about": about})


_whose: Final = attrgetter("task", "target", "run")


def _what(move: tuple[Event, Sequence[Transfer]]) -> tuple[Event, State, Reason | None]:
    event, transfers = move
    return event, transfers[0].state, transfers[0].reason


def _told(event: Event, reason: Reason | None) -> str:
    why, word = english(reason), _WORDS.get(event) or str(event)
    if event in (Event.WRITE, Event.CANCEL) or (reason and reason.code == Code.DONE_SEEN):  # it says the word
        return why or word
    return f"{word}: {why}" if why else word


def _lines(transfers: Iterable[Transfer], told: str, *, sized: bool) -> list[tuple[int, str]]:
    """Of each its id and what is said of it."""
    if sized:
        return [(each.id, f"{each.id} {shown(each.path)} {told}, {size(each.version.size)}") for each in transfers]
    return [(each.id, f"{each.id} {shown(each.path)} {told}") for each in transfers]


_STEPS = {
    DownloadState.STALLED: (logging.WARNING, "stalled"),
    DownloadState.DOWNLOADED: (logging.INFO, "downloaded"),
    DownloadState.SEEDING: (logging.INFO, "uploaded"),
    DownloadState.DONE: (logging.INFO, "done"),
    DownloadState.FAILED: (logging.ERROR, "failed"),
}
_WORDS = {
    Event.WRITE: "uploaded",
    Event.CONFIRM: "confirmed",
    Event.GIVE_UP: "failed",
    Event.DEFER: "put off",
    Event.CHANGE: "changed",
    Event.UNPUBLISH: "to be sent again",
    Event.LOSE: "lost by the target",
    Event.CANCEL: "cancelled",
    Event.VANISH: "vanished",
}
