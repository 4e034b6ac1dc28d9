"""How history is shown: a line for each move of a transfer."""

from collections.abc import Iterable, Mapping
from typing import Any

from cgctl.session import Session
from cgctl.transfers import place, state_mark, state_word


def print_moves(session: Session, moves: Iterable[Mapping[str, Any]], *, now: float, named: bool = False) -> None:
    """When, to which state, why; with the file where `named`."""
    rows = []
    for move in moves:
        row = [
            session.clock(move["at"], now=now),
            f"{state_mark(session, move['after'])} {state_word(session, move['after'], move.get('reason'))}",
        ]
        if named:
            row += [str(move["transfer"]), place(move)]
        attempt = session.say("attempt {n}", n=move["attempt"]) if move.get("attempt") else ""
        row.append(session.joined((session.sentence(move.get("reason")), attempt)))
        rows.append(row)
    if named:
        session.print_table(("WHEN", "STATE", "ID", "FILE", "WHY"), rows, right=(2,), flexible=3)
    else:
        session.print_table((), rows, indent=2)
