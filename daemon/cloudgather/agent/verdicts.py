"""What an agent's error means to the pipeline: the exceptions of ports, made from kinds and facts."""

from collections.abc import Mapping
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.agent.operation import AgentError
from cloudgather.core.target import Identity, TargetSpec
from cloudgather.ports.target import (
    AgentLost,
    AlreadyStanding,
    Failed,
    SourceChanged,
    SourceGone,
    SourceUnsettled,
    Standing,
    TargetHeld,
)

_HELD: Final[Mapping[str, Code]] = {
    "absent": Code.HELD_NOT_MOUNTED,
    "local": Code.HELD_NOT_MOUNTED,
    "detached": Code.HELD_NOT_MOUNTED,
    "never": Code.HELD_NEVER_MOUNTED,
    "other": Code.HELD_OTHER_MOUNT,
    "dead": Code.HELD_MOUNT_DEAD,
    "denied": Code.HELD_MOUNT_DENIED,
    "root-gone": Code.HELD_ROOT_GONE,
    "base-gone": Code.HELD_BASE_GONE,
}


def verdict(error: AgentError, spec: TargetSpec, identity: Identity | None) -> Exception:
    """The exception to raise for an operation at this target."""
    facts = error.facts
    match error.kind:
        case "identity":
            return TargetHeld(why_held(facts, spec, identity))
        case "changed":
            return SourceChanged(facts.get("message", ""))
        case "unsettled":
            return SourceUnsettled(facts.get("message", ""))
        case "gone":
            return SourceGone(facts.get("message", ""))
        case "standing":
            return AlreadyStanding(
                Standing(size=facts["size"], mtime_ns=facts["mtime_ns"], is_file=facts.get("is_file", True))
            )
        case "length" | "digest" | "occupied":
            return failed(error, step=error.kind)
        case "cancelled":
            return AgentLost(errno=None, step="cancel", side="agent", message="the operation was stopped")
        case _:
            return failed(error)


def failed(error: AgentError, *, step: str | None = None) -> Failed:
    """The plain failure: an errno, or a finding named by its step."""
    facts = error.facts
    return Failed(
        errno=facts.get("errno"),
        step=step or facts.get("step", error.kind),
        side=facts.get("side", "target"),
        message=facts.get("message", error.kind),
    )


def why_held(facts: Mapping[str, Any], spec: TargetSpec, identity: Identity | None) -> Reason:
    """The held.* reason of an identity error, with what was expected and what was found instead."""
    code = _HELD.get(facts.get("what", ""), Code.HELD_NOT_MOUNTED)
    if code is Code.HELD_NOT_MOUNTED and identity is None:
        code = Code.HELD_NEVER_MOUNTED
    told: dict[str, Any] = {"target": spec.name, "root": spec.root, "found": facts.get("fs_type")}
    match code:
        case Code.HELD_NOT_MOUNTED:
            told["expected"] = identity.mount_point if identity is not None else spec.root
        case Code.HELD_OTHER_MOUNT:
            told["expected"] = _named(identity.fs_type, identity.source) if identity is not None else None
            told["found"] = _named(facts.get("fs_type", ""), facts.get("source", b""))
        case Code.HELD_MOUNT_DENIED:
            told["owner"] = facts.get("owner_name", facts.get("owner"))
        case Code.HELD_BASE_GONE:
            told["folder"] = facts.get("folder")
    return because(code, **told)


def _named(fs_type: str, source: bytes) -> str:
    return f"{fs_type} {source.decode('utf-8', 'backslashreplace')}"
