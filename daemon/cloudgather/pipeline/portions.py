"""How many files a target is given at once, and how they are dealt out to batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cloudgather.core.target import Profile
from cloudgather.core.transfer import Transfer
from cloudgather.pipeline.board import TargetState


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """What may be claimed in one step."""

    batches: int  # to be begun beside each other
    files: int  # of each batch
    size: int | None  # bytes of each batch that has more than one file; None: as many as come
    apart: bool = False  # better in other folders than those that are busy

    @property
    def most_files(self) -> int:
        """Of all batches together."""
        return self.files * self.batches

    @property
    def most_bytes(self) -> int | None:
        """Of all batches together, unless it is one file."""
        return None if self.size is None else self.size * self.batches

    def dealt(self, claimed: Sequence[Transfer]) -> Sequence[Sequence[Transfer]]:
        """The batches, in the order of the claim, all as long as the first or shorter."""
        each = -(-len(claimed) // self.batches)
        return [claimed[first : first + each] for first in range(0, len(claimed), each)] if claimed else []


# A local disk has the files of a batch made durable together (measured: 5 times as fast as one by one).
_FILES_ON_A_DISK: Final = 256
_BYTES_ON_A_DISK: Final = 64 << 20
# Elsewhere each is made durable by itself, but asked for and recorded with others (measured: 30% of the CPU): as many
# as take a few seconds. So long may a file wait for those before it, and a pause for what has begun.
_MOST_FILES: Final = 64
_FEWEST_FILES: Final = 4  # of what is left at the end: one that goes by itself is asked for more often
_BYTES: Final = 1 << 20
_INSTANT, _SHORT, _LONG = 0.001, 1.0, 4.0  # seconds


def portion(lane: TargetState, room: int, *, singly: bool) -> Portion:
    """What this target may be given now that so many may be begun; `singly`: each after a look of its own.

    Where files are asked for at a pace each waits for its own turn, and gains nothing from the company of others.
    """
    if lane.breaker.trying or (singly and lane.spec.profile is not Profile.DISK):
        return Portion(batches=1, files=1, size=None)
    if lane.spec.profile is Profile.DISK:
        return Portion(batches=1, files=_FILES_ON_A_DISK, size=_BYTES_ON_A_DISK)
    if lane.spec.metadata_per_second is not None:
        return Portion(batches=room, files=1, size=None)
    # In a folder behind FUSE, or on a server, one name is looked up, made or changed at a time.
    return Portion(batches=room, files=_evenly(lane), size=_BYTES, apart=True)


def _evenly(lane: TargetState) -> int:
    """Files of each batch: towards the end ever fewer, so that none goes on for long when all others have ended."""
    if not (left := lane.backlog.waiting):
        return lane.together
    return min(lane.together, max(_FEWEST_FILES, -(-left // lane.spec.parallel)))


def learn(lane: TargetState, files: int, arrived: int, seconds: float) -> None:
    """A batch of so many files, of which so many arrived, took so long: have the next ones longer or shorter.

    A file by itself may be large; what fails soon says nothing of how long the others take.
    """
    if files > 1 and seconds > _LONG:
        lane.together = min(lane.together, files // 2)
    elif seconds < _SHORT and arrived >= lane.together:
        in_short = int(files * _SHORT / max(seconds, _INSTANT)) if files > 1 else 0
        lane.together = min(_MOST_FILES, max(lane.together * 2, in_short))
