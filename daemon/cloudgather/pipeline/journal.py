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


def fields(transfer: Transfer) -> dict[str, object]:
    """The structured fields of a line about a transfer (outside.logs hands them to the journal)."""
    found: dict[str, object] = {"TASK": transfer.task, "TRANSFER": transfer.id, "TARGET": transfer.target}
    if transfer.run is not None:
        found["RUN"] = transfer.run
    if (download := download_of(transfer.task)) is not None:
        found["DOWNLOAD"] = download
    return found


class Journal:
    """Writes the operator's lines; info is what they want to read tomorrow."""

    def outcomes(self, moved: Iterable[tuple[Transfer, Event]]) -> None:
        """A line for each of these, which have ended, were put off, or have been written; logged together."""
        for level, those in groupby(moved, lambda each: _LEVELS.get(each[0].state, logging.INFO)):
            if logger.isEnabledFor(level):
                lines = [(_line(transfer, event), fields(transfer)) for transfer, event in those]
                logger.log(level, "\n".join(text for text, _ in lines), extra={"lines": lines})

    def download(self, download: Download) -> None:
        """A download that has come so far that it is worth a line."""
        if (told := _STEPS.get(download.state)) is not None:
            level, word = told
            why = english(download.reason)
            about = {"DOWNLOAD": download.id, "TARGET": download.asked.target}
            line = f"{word}: {why}" if why else word
            logger.log(level, "download %d %s %s", download.id, shown(download.name), line, extra={"about": about})


def _line(transfer: Transfer, event: Event) -> str:
    why, word = english(transfer.reason), _WORDS.get(event) or str(event)
    if event is Event.WRITE:
        told = f"{why or word}, {size(transfer.version.size)}"
    elif event is Event.CANCEL or (transfer.reason and transfer.reason.code == Code.DONE_SEEN):  # it says the word
        told = why or word
    else:
        told = f"{word}: {why}" if why else word
    return f"{transfer.id} {shown(transfer.path)} {told}"


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
