"""One line per file and outcome, in the log and the journal."""

import logging
from functools import lru_cache

from cgwire.codes import Code
from cgwire.reasons import Reason
from cgwire.text import sentence
from cgwire.text.values import size
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
        logger.log(level, "%d %s %s", transfer.id, shown(transfer.path), told, extra=fields(transfer))


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
