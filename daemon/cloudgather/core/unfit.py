"""What was written for a value and cannot be one."""

from typing import Any

from cgwire.flaws import Flaw
from cgwire.reasons import Reason, because
from cgwire.text import EN, sentence


class Unfit(ValueError):
    """`reason` says what is wrong with the value and what is allowed instead; its text is the English sentence."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.reason = because(code, **facts)

    def __str__(self) -> str:
        return sentence(self.reason.to_wire(), EN)


def reason_of(error: ValueError) -> Reason:
    """What is wrong; of an error that is not ours, its own words."""
    return error.reason if isinstance(error, Unfit) else because(Flaw.OTHER, message=str(error))
