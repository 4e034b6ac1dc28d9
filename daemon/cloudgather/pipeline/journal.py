"""One line per file and outcome, in the log and the journal."""

import logging
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby

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

    def outcomes(self, moved: Iterable[tuple[Transfer, Event]]) -> None:
        """A line for each of these, which have ended, were put off, or have been written.

        What has become of some of them alike is said together.
        """
        for (event, state, reason, task, target, run), those in groupby(moved, _alike):
            level = _LEVELS.get(state, logging.INFO)
            if logger.isEnabledFor(level):
                told = _told(event, reason)
                lines = [(transfer.id, _line(transfer, event, told)) for transfer, _ in those]
                text = "\n".join([line for _, line in lines])
                logger.log(level, text, extra={"lines": lines, "about": fields(task, target, run)})

    def download(self, download: Download) -> None:
        """A download that has come so far that it is worth a line."""
        if (told := _STEPS.get(download.state)) is not None:
            level, word = told
            why = english(download.reason)
            about = {"DOWNLOAD": download.id, "TARGET": download.asked.target}
            line = f"{word}: {why}" if why else word
            logger.log(level, "download %d %s %s", download.id, shown(download.name), line, extra={"about": about})


def _alike(moved: tuple[Transfer, Event]) -> tuple[Event, State, Reason | None, str, str, int | None]:
    transfer, event = moved
    return event, transfer.state, transfer.reason, transfer.task, transfer.target, transfer.run


def _told(event: Event, reason: Reason | None) -> str:
    why, word = english(reason), _WORDS.get(event) or str(event)
    if event in (Event.WRITE, Event.CANCEL) or (reason and reason.code == Code.DONE_SEEN):  # it says the word
        return why or word
    return f"{word}: {why}" if why else word


def _line(transfer: Transfer, event: Event, told: str) -> str:
    line = f"{transfer.id} {shown(transfer.path)} {told}"
    return f"{line}, {size(transfer.version.size)}" if event is Event.WRITE else line


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
