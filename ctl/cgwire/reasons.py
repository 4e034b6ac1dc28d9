"""A reason: a stable code and its facts, from which a sentence is made where it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What msgpack carries: None, bool, int, float, str, bytes, and lists of them.
Fact = Any


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is as it is. `code` is one of cgwire.codes.Code; facts name what the sentence needs."""

    code: str
    facts: Mapping[str, Fact]

    def to_wire(self) -> dict[str, Fact]:
        """One flat map: the code under `code`, the facts beside it."""
        return {"code": self.code, **self.facts}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Fact]) -> "Reason":
        """The inverse of to_wire."""
        return cls(wire["code"], {key: value for key, value in wire.items() if key != "code"})


def because(code: str, **facts: Fact) -> Reason:
    """A reason written as a call: `because(Code.HELD_TARGET_DOWN, target="c115")`."""
    return Reason(str(code), facts)
