"""Small new files of a batch are copied in one operation, ahead of being asked for one by one."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from cloudgather.core.transfer import Sent, Transfer
from cloudgather.ports.source import Absent, Access, Look

# Above these a crossing to the agent costs little beside the copy, and an order to stop would come late.
_SMALL: Final = 1 << 20
_MOST_BYTES: Final = 8 << 20


class NotReached(Exception):
    """The operation ended before it came to this file, which is as if not ordered."""


class Ahead:
    """What has become of orders that were carried out ahead, by temporary name; each is taken once."""

    def __init__(self, outcomes: Mapping[bytes, Sent | Exception | None] | None = None) -> None:
        self._outcomes = dict(outcomes or {})

    def __contains__(self, temporary: bytes | None) -> bool:
        return temporary in self._outcomes

    def take(self, temporary: bytes) -> Sent:
        """The outcome of the order with this temporary: raises what it raised, and NotReached besides."""
        outcome = self._outcomes.pop(temporary)
        if outcome is None:
            raise NotReached
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def groups(batch: Sequence[Transfer]) -> Iterator[Sequence[Transfer]]:
    """The batch in order: small files of one task together, as long as none of them has failed before."""
    for key, those in groupby(batch, _kind):
        if key is None:
            yield from ([transfer] for transfer in those)
            continue
        group: list[Transfer] = []
        size = 0
        for transfer in those:
            size += transfer.version.size
            if size > _MOST_BYTES:
                yield group
                group, size = [], transfer.version.size
            group.append(transfer)
        yield group


def _kind(transfer: Transfer) -> str | None:
    return transfer.task if transfer.attempts == 0 and transfer.version.size <= _SMALL else None


def is_as_planned(transfer: Transfer, look: Look | Absent) -> bool:
    """Whether there is nothing to say about the source before it is copied."""
    return (
        isinstance(look, Look)
        and look.version == transfer.version
        and look.access is not Access.WRITTEN
        and look.control_file is None
    )
