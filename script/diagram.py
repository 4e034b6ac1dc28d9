"""Write the table and diagram of states in docs/design.md from the code's own table; --check only compares."""

import sys
from pathlib import Path
from typing import Final

from cloudgather.core.transfer import MOVES, State

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "design.md"
BEGIN: Final = "<!-- moves: script/diagram.py writes what is between here and the next such line -->\n"
END: Final = "<!-- end of moves -->\n"


def diagram() -> str:
    """A Mermaid diagram, and below it the same as a table for those who read the file as it is."""
    arrows = ["    [*] --> queued"]
    rows = ["| from | event | to |", "|---|---|---|"]
    for state, moves in MOVES.items():
        by_end: dict[State, list[str]] = {}
        for event, end in moves.items():
            by_end.setdefault(end, []).append(str(event))
            rows.append(f"| {state} | {event} | {end} |")
        arrows += [f"    {state} --> {end}: {', '.join(events)}" for end, events in by_end.items()]
        if not moves:
            arrows.append(f"    {state} --> [*]")
    return "\n".join(["```mermaid", "stateDiagram-v2", *arrows, "```", "", *rows, ""])


def written(document: str) -> str:
    """The document with the part between the two marks made anew."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"cannot find the marks of the diagram in {DOCUMENT.name}")
    return f"{before}{BEGIN}\n{diagram()}\n{END}{after}"


if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    if sys.argv[1:] == ["--check"]:
        sys.exit(None if written(text) == text else f"{DOCUMENT.name} is behind MOVES: run script/diagram.py")
    DOCUMENT.write_text(written(text), encoding="utf-8")
