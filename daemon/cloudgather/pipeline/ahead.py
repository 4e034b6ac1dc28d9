"""Small new files of a batch are copied in one operation, ahead of being asked for one by one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from cloudgather.core.transfer import Sent, Transfer
from cloudgather.ports.source import Absent, Access, Look

# Above these a crossing to the agent costs little beside the copy, and an order to stop would come late.
_SMALL: Final = 1 << 20
_MOST_BYTES: Final = 8 << 20


class NotReached(Exception):
    """The operation ended before it came to this file, which is as if not ordered."""


class Ahead:
    """What has become of transfers that were copied ahead, by their ids."""

    def __init__(self, outcomes: Mapping[int, Sent | Exception | None]) -> None:
        self._outcomes = outcomes
        self.whole = {id: outcome for id, outcome in outcomes.items() if isinstance(outcome, Sent)}

    def __contains__(self, id: int) -> bool:
        return id in self._outcomes

    def has_whole(self, transfer: Transfer) -> bool:
        """Whether it stands beside its final name."""
        return transfer.id in self.whole

    def of(self, id: int) -> Sent:
        """The outcome of this one: raises what its copy raised, and NotReached besides."""
        outcome = self._outcomes[id]
        if outcome is None:
            raise NotReached
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def groups(batch: Sequence[Transfer]) -> Iterator[Sequence[Transfer]]:
    """The batch in order: small files of one task together, as long as none of them has failed before."""
    group: list[Transfer] = []
    room = 0
    for transfer in batch:
        size = transfer.version.size
        small = transfer.attempts == 0 and size <= _SMALL
        if group and not (small and size <= room and transfer.task == group[0].task):
            yield group
            group = []
        if not group:
            room = _MOST_BYTES if small else -1
        group.append(transfer)
        room -= size
    if group:
        yield group


def is_as_planned(transfer: Transfer, look: Look | Absent) -> bool:
    """Whether there is nothing to say about the source before it is copied."""
    return (
        isinstance(look, Look)
        and look.version == transfer.version
        and look.access is not Access.WRITTEN
        and look.control_file is None
    )
