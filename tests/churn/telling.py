"""What a long run has measured, as a table for people."""

from collections.abc import Mapping, Sequence

from churn.gauges import BOUNDS, Sample

_HEADS = ("start", "warm", "end", "most", "grown", "allowed")
_KINDS = 8


def table(samples: Sequence[Sample], settled: Sequence[Sample], grown: Mapping[str, float]) -> str:
    """All of the samples, those that count, and by how much each measure has grown over the latter."""
    work = settled[-1].work - settled[0].work
    lines = [f"{samples[-1].work} transfers in {samples[-1].at - samples[0].at:.0f} s, {work} of them measured"]
    lines.append(f"{'':42}" + "".join(f"{head:>13}" for head in _HEADS))
    for name, bound in BOUNDS.items():
        values = [each.values[name] for each in samples]
        row = [values[0], settled[0].values[name], values[-1], max(values), grown[name], bound.allowed(work)]
        lines.append(f"{name:42}" + "".join(f"{value:13,.0f}" for value in row))
    lines.append("objects that grew most: " + ", ".join(f"{kind} {count:+}" for kind, count in _most_grown(settled)))
    return "\n".join(lines)


def _most_grown(samples: Sequence[Sample]) -> list[tuple[str, int]]:
    before, after = samples[0].kinds, samples[-1].kinds
    grown = {kind: count - before.get(kind, 0) for kind, count in after.items()}
    return sorted(grown.items(), key=lambda each: -each[1])[:_KINDS]
