"""One line per file and outcome, in the log and the journal."""

import logging
from functools import lru_cache

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

    def outcome(self, transfer: Transfer, event: Event) -> None:
        """A transfer that has ended, was put off, or has been written."""
        why, word = english(transfer.reason), _WORDS.get(event, str(event))
        if event is Event.WRITE:
            told = f"{why or word}, {size(transfer.version.size)}"
        elif event is Event.CANCEL or (transfer.reason and transfer.reason.code == Code.DONE_SEEN):  # it says the word
            told = why or word
        else:
            told = f"{word}: {why}" if why else word
        level = _LEVELS.get(transfer.state, logging.INFO)
        logger.log(level, "%d %s %s", transfer.id, shown(transfer.path), told, extra={"about": fields(transfer)})

    def download(self, download: Download) -> None:
        """A download that has come so far that it is worth a line."""
        if (told := _STEPS.get(download.state)) is not None:
            level, word = told
            why = english(download.reason)
            about = {"DOWNLOAD": download.id, "TARGET": download.asked.target}
            line = f"{word}: {why}" if why else word
            logger.log(level, "download %d %s %s", download.id, shown(download.name), line, extra={"about": about})


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
