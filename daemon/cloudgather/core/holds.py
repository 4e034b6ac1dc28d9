"""Derives what holds a queued transfer; held is not a state, it is read off what is true now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core import window
from cloudgather.core.limits import Spending
from cloudgather.core.retry import Breaker
from cloudgather.core.target import TargetSpec
from cloudgather.core.task import Window
from cloudgather.core.transfer import Transfer

# What is due later for these was not tried: they are the whole reason.
_OF_THE_PLACE: Final = frozenset({Code.HELD_NAME_CLASH, Code.HELD_SAME_FILE})


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonFacts:
    """What may hold everything."""

    queue_paused: bool = False
    stopping: bool = False
    store: Reason | None = None  # it cannot commit


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """What may hold one task's transfers. `local_now` is in the task's time zone."""

    name: str
    paused: bool = False
    broken: bool = False
    source: Reason | None = None
    upload_window: Window | None = None
    local_now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """What may hold everything that goes to one target. `local_now` is in the daemon's time zone."""

    name: str
    paused: bool = False
    hold: Reason | None = None  # not mounted, changed, unreachable …
    breaker: Breaker
    upload_window: Window | None = None
    limits: tuple[Reason, ...] = ()  # that kept it from being given more work, at the last look
    local_now: datetime


def of_daemon(facts: DaemonFacts) -> tuple[Reason, ...]:
    """What holds every transfer."""
    found: list[Reason] = []
    if facts.stopping:
        found.append(because(Code.HELD_STOPPING))
    if facts.store is not None:
        found.append(facts.store)
    if facts.queue_paused:
        found.append(because(Code.HELD_QUEUE_PAUSED))
    return tuple(found)


def of_target(facts: TargetFacts) -> tuple[Reason, ...]:
    """What holds every transfer of a target."""
    found: list[Reason] = []
    if facts.paused:
        found.append(because(Code.HELD_TARGET_PAUSED, target=facts.name))
    if facts.hold is not None:
        found.append(facts.hold)
    if facts.breaker.until is not None and facts.breaker.is_open(facts.local_now):
        cause = facts.breaker.reason.to_wire() if facts.breaker.reason else None
        until = facts.breaker.until.timestamp()
        found.append(because(Code.HELD_BREAKER, target=facts.name, until=until, cause=cause))
    if facts.upload_window is not None and not window.is_open(facts.upload_window, facts.local_now):
        found.append(_outside(facts.upload_window, facts.local_now, whose="target"))
    now = facts.local_now.timestamp()
    found += [limit for limit in facts.limits if limit.facts.get("until") is None or limit.facts["until"] > now]
    return tuple(found)


def of_daily_limit(spec: TargetSpec, size: int, spending: Spending) -> Reason:
    """The next file, of this size, does not fit into what the limit leaves."""
    assert spec.daily_limit is not None
    facts: dict[str, object] = {"target": spec.name, "limit": spec.daily_limit, "spent": spending.total, "size": size}
    if (until := spending.frees_at(size, spec.daily_limit)) is not None:
        facts["until"] = until.timestamp()
    return because(Code.HELD_DAILY_LIMIT, **facts)


def of_task(facts: TaskFacts) -> tuple[Reason, ...]:
    """What holds every transfer of a task."""
    found: list[Reason] = []
    if facts.broken:
        found.append(because(Code.HELD_TASK_BROKEN, task=facts.name))
    if facts.paused:
        found.append(because(Code.HELD_TASK_PAUSED, task=facts.name))
    if facts.source is not None:
        found.append(because(Code.HELD_SOURCE, cause=facts.source.to_wire()))
    if facts.upload_window is not None and not window.is_open(facts.upload_window, facts.local_now):
        found.append(_outside(facts.upload_window, facts.local_now, whose="task"))
    return tuple(found)


def of_transfer(transfer: Transfer, *, attempts: int, now: datetime) -> tuple[Reason, ...]:
    """What holds this one by itself: a retry that is due later. `attempts`: how many its target allows."""
    if transfer.due is None or transfer.due <= now:
        return ()
    cause = as_of(transfer.reason, now).to_wire() if transfer.reason else None
    until = transfer.due.timestamp()
    if transfer.reason is not None and transfer.reason.code in _OF_THE_PLACE:
        return (because(transfer.reason.code, **{**transfer.reason.facts, "until": until}),)
    return (because(Code.HELD_RETRY, until=until, cause=cause, attempt=transfer.attempts, attempts=attempts),)


def as_of(reason: Reason, now: datetime) -> Reason:
    """What is left to tell of it now: the instant that it named as the next to wait for may have passed."""
    until = reason.facts.get("until")
    if until is None or until > now.timestamp():
        return reason
    return Reason(reason.code, {name: fact for name, fact in reason.facts.items() if name != "until"})


def _outside(span: Window, local_now: datetime, *, whose: str) -> Reason:
    text = f"{span.begin:%H:%M}-{span.end:%H:%M}"
    until = window.opens_at(span, local_now).timestamp()
    return because(Code.HELD_WINDOW, until=until, window=text, whose=whose)
