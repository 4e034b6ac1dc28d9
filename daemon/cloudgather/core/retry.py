"""Decides what follows a failure: when a transfer is tried again, when it is given up, when its target is rested."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from cgwire.reasons import Reason
from cloudgather.core.failure import Failure, Sort
from cloudgather.core.target import TargetSpec

_JITTER: Final = 0.25  # +-, so that files that failed together do not come back together


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAt:
    """Back to the queue; `spend`: it counts as an attempt."""

    when: datetime
    why: Reason
    spend: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """Failed for good, until the source changes or the operator says so."""

    why: Reason


def backoff(first: timedelta, most: timedelta, *, times: int, luck: float) -> timedelta:
    """`first`, doubled for each time before, at most `most`, spread by luck (0..1) over +-25 %."""
    span = first
    while times > 0 and span < most:
        span, times = span * 2, times - 1
    return min(span, most) * (1 - _JITTER + 2 * _JITTER * luck)


def judge(failure: Failure, *, attempts: int, spec: TargetSpec, now: datetime, luck: float) -> RetryAt | GiveUp:
    """What to do with a transfer that failed after `attempts` spent ones (this one not counted)."""
    match failure.sort:
        case Sort.PERMANENT:
            return GiveUp(why=failure.reason)
        case Sort.TARGET_WIDE:
            return RetryAt(when=now, why=failure.reason, spend=False)  # the breaker makes it wait
        case Sort.TRANSIENT:
            if attempts + 1 >= spec.attempts:
                return GiveUp(why=failure.reason)
            span = backoff(spec.retry_first, spec.retry_most, times=attempts, luck=luck)
            return RetryAt(when=now + span, why=failure.reason, spend=True)


BREAKER_MOST: Final = timedelta(minutes=30)
FAILURES_TO_OPEN: Final = 5  # transient ones in a row, over all files of the target


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Rests a target that fails file after file. Open until `until`; then one transfer at a time tries it."""

    failures: int = 0  # in a row
    opened: int = 0  # times in a row
    until: datetime | None = None
    reason: Reason | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether nothing may be sent now."""
        return self.until is not None and now < self.until

    @property
    def trying(self) -> bool:
        """Whether it has opened and nothing has succeeded since: one transfer at a time."""
        return self.opened > 0

    def after_success(self) -> "Breaker":
        """Closed."""
        return Breaker()

    def after_failure(self, failure: Failure, *, now: datetime, luck: float, first: timedelta) -> "Breaker":
        """Open at once for a target-wide failure, after five in a row for others; permanent ones do not count."""
        if failure.sort is Sort.PERMANENT or self.is_open(now):  # open: of those that were under way when it opened
            return self
        failures = self.failures + 1
        if failure.sort is Sort.TRANSIENT and failures < FAILURES_TO_OPEN and not self.trying:
            return replace(self, failures=failures)
        return Breaker(
            failures=failures,
            opened=self.opened + 1,
            until=now + backoff(first, BREAKER_MOST, times=self.opened, luck=luck),
            reason=failure.reason,
        ).clamped(now)

    def brought_forward(self, now: datetime) -> "Breaker":
        """One that is open may be tried at once. Should that fail it rests as long as it was to, and not for longer."""
        return replace(self, until=None, opened=max(1, self.opened - 1)) if self.is_open(now) else self

    def clamped(self, now: datetime) -> "Breaker":
        """After a start or a jump of the wall clock: never longer than its own maximum from now."""
        if self.until is None:
            return self
        return replace(self, until=min(self.until, now + BREAKER_MOST))
