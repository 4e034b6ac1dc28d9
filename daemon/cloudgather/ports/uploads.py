"""Asking the program behind a mount what it has still to upload."""

from collections.abc import Sequence
from typing import Protocol

from cgwire.reasons import Reason
from cloudgather.core.target import Identity, TargetSpec
from cloudgather.core.uploads import Listed, Upload


class CannotAsk(Exception):
    """A program that would know does not answer, or not about this; `reason` is a confirm.* or downloader.* code."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


class Uploads(Protocol):
    """The program behind a target's mount, which uploads later by itself. It is asked aside of the mount.

    Paths are relative to the target's root. All raise CannotAsk.
    """

    async def progress(self, spec: TargetSpec, identity: Identity, paths: Sequence[bytes]) -> Sequence[Upload]:
        """What it has yet to do for each of them; at the price of no question to the cloud."""
        ...

    async def stored(self, spec: TargetSpec, identity: Identity, paths: Sequence[bytes]) -> Sequence[Listed | None]:
        """What the cloud itself lists under each name now, whatever the mount shows; None: nothing.

        Paths are UTF-8. At the pace of the target's budget of listings.
        """
        ...
