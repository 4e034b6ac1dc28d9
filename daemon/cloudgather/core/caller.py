"""Who asks for something, and the exception that refuses it."""

from dataclasses import dataclass

from cgwire.access import Access
from cgwire.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The process at the other end of the control socket, as the kernel names it."""

    uid: int
    gid: int
    pid: int
    user: str  # the name of uid, or its number where it has none
    groups: frozenset[int]  # gid and the supplementary groups
    access: Access


class Refused(Exception):
    """What was asked for is not done; `reason` is an error.* code and goes to the caller as it is."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason
