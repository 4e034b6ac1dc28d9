"""The table: what was measured beside its peer and its goals, as Markdown."""

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from measuring import Taken, cpus, walls

_HEAD = "| | work | where | ours | peer | the peer's | ratio | CPU s, ours : peer's | to reach now | where to go |"
_RULE = "|---|---|---|--:|---|--:|--:|--:|---|---|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """`most` or `least` of the median, or of its ratio to the peer's; `words` say so."""

    words: str
    most: float | None = None
    least: float | None = None
    of_ratio: bool = False

    def told(self, value: float, ratio: float | None) -> str:
        """The words, and whether it is reached."""
        judged = ratio if self.of_ratio else value
        if judged is None:
            return self.words
        reached = (self.most is None or judged <= self.most) and (self.least is None or judged >= self.least)
        return f"{self.words} {'✓' if reached else '✗'}"


def ratio(most: float, words: str) -> Goal:
    """At most so many times the peer's."""
    return Goal(words=words, most=most, of_ratio=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison: what every run took, ours and the peer's, in the same unit; of one without a peer only ours."""

    line: str
    work: str
    where: str
    unit: str
    ours: Sequence[float]
    peer: str = "–"
    theirs: Sequence[float] = ()
    cpu: Sequence[float] = ()
    their_cpu: Sequence[float] = ()
    now: Goal | None = None
    later: Goal | None = None

    def told(self) -> str:
        """As a row of the table."""
        value = statistics.median(self.ours)
        theirs = statistics.median(self.theirs) if self.theirs else 0.0
        times = value / theirs if theirs > 0 and value > 0 else None
        cells = [
            self.line,
            self.work,
            self.where,
            _figure(self.ours, self.unit),
            self.peer,
            _figure(self.theirs, self.unit),
            f"**{times:.2f}**" if times is not None else "–",
            " : ".join(f"{statistics.median(each):.2f}" for each in (self.cpu, self.their_cpu) if each) or "–",
            self.now.told(value, times) if self.now else "–",
            self.later.told(value, times) if self.later else "–",
        ]
        return f"| {' | '.join(cells)} |"


def _figure(values: Sequence[float], unit: str) -> str:
    """The median, and in brackets the least and the most."""
    if not values:
        return "–"
    median, least, most = (_short(each) for each in (statistics.median(values), min(values), max(values)))
    return f"{median} {unit}" if least == most else f"{median} {unit} ({least}–{most})"


def _short(value: float) -> str:
    """Three figures that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


Goals = Mapping[str, tuple[Goal | None, Goal | None]]  # peer -> what to reach now beside it, and where to go


def compared(taken: Mapping[str, Sequence[Taken]], goals: Goals, **facts: Any) -> list[Row]:
    """A row of seconds for each peer in `goals`; `taken` has "ours", too. `facts` are of all these rows."""
    ours = taken["ours"]
    return [
        Row(
            **facts,
            unit="s",
            ours=walls(ours),
            peer=peer,
            theirs=walls(taken[peer]),
            cpu=cpus(ours),
            their_cpu=cpus(taken[peer]),
            now=now,
            later=later,
        )
        for peer, (now, later) in goals.items()
    ]


@dataclass
class Report:
    """What has been found so far."""

    head: str
    rows: list[Row] = field(default_factory=list)
    failed: dict[str, Exception] = field(default_factory=dict)  # by line
    seconds: dict[str, float] = field(default_factory=dict)  # that each line took

    def text(self) -> str:
        """All of it, as Markdown."""
        table = "\n".join([_HEAD, _RULE, *(row.told() for row in self.rows)])
        failed = [
            f"**Line {line} has failed:** {' '.join(f'{type(error).__name__}: {error}'.split())}"
            for line, error in self.failed.items()
        ]
        took = ", ".join(f"{line} {seconds:.0f} s" for line, seconds in self.seconds.items())
        return "\n\n".join([self.head.rstrip("\n"), table, *failed, f"It took {took}."]) + "\n"


def machine() -> str:
    """One line about this machine."""
    with open("/proc/meminfo") as file:
        memory = round(int(file.readline().split()[1]) / 2**20)
    with open("/proc/cpuinfo") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "")
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores{f' ({model})' if model else ''}, {memory} GiB of memory, {system}"
