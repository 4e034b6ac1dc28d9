"""What a look at a target's root found, and whether that is the target."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.agent.verdicts import why_held
from cloudgather.core.target import Identity, Kind, TargetSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """The file system that a root is on, sizes in bytes."""

    mount_id: int
    identity: Identity
    last: bool  # of its mount point: neither detached nor mounted over
    read_only: bool
    uid: int  # of the root folder, as the next two
    gid: int
    mode: int  # permission bits
    total: int
    free: int

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> "Probed":
        """The agent's answer."""
        identity = Identity(mount_point=wire["mount_point"], fs_type=wire["fs_type"], source=wire["source"])
        names = ("mount_id", "last", "read_only", "uid", "gid", "mode", "total", "free")
        return cls(identity=identity, **{name: wire[name] for name in names})

    def why_not(self, spec: TargetSpec, recorded: Identity | None) -> Reason | None:
        """Why nothing must be written there; None when this is the target."""
        facts = {"fs_type": self.identity.fs_type, "source": self.identity.source}
        if spec.kind is Kind.MOUNT and (what := self._what(recorded)) is not None:
            return why_held({**facts, "what": what}, spec, recorded)
        return because(Code.HELD_READ_ONLY, target=spec.name) if self.read_only else None

    def _what(self, recorded: Identity | None) -> str | None:
        if not self.last:
            return "detached"
        if recorded is None:
            return None if self.identity.is_remote else "never"
        if self.identity == recorded:
            return None
        if self.identity.mount_point != recorded.mount_point:
            return "absent"
        return "local" if recorded.is_remote and not self.identity.is_remote else "other"
