"""What a look at one thing of the machine found: fine, worth a look, or bad."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cgwire.reasons import Reason
from cgwire.text import EN, hint, sentence
from cloudgather.config.problems import shown


class Health(StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"  # works, or may work, but not as well as it could
    BAD = "bad"  # something will not work


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding. `name` is stable; `subject` is the task or target that it is about, where there is one."""

    name: str
    health: Health
    reason: Reason
    subject: str | None = None

    @property
    def text(self) -> str:
        """The English sentence."""
        return sentence(self.reason.to_wire(), EN)

    @property
    def hint(self) -> str | None:
        """What would help; None where nothing needs to be done."""
        return None if self.health is Health.OK else hint(self.reason.to_wire(), EN)

    def to_json(self) -> dict[str, Any]:
        """One flat map of what JSON carries: {name, subject?, ok, code, text, …facts}."""
        subject = {} if self.subject is None else {"subject": self.subject}
        facts = {key: _plain(value) for key, value in self.reason.facts.items()}
        return {
            **facts,
            "name": self.name,
            **subject,
            "ok": self.health.value,
            "code": self.reason.code,
            "text": self.text,
        }


def fine(name: str, reason: Reason, *, subject: str | None = None) -> Check:
    """As it should be."""
    return Check(name=name, health=Health.OK, reason=reason, subject=subject)


def doubtful(name: str, reason: Reason, *, subject: str | None = None) -> Check:
    """Worth a look."""
    return Check(name=name, health=Health.WARN, reason=reason, subject=subject)


def bad(name: str, reason: Reason, *, subject: str | None = None) -> Check:
    """Something will not work."""
    return Check(name=name, health=Health.BAD, reason=reason, subject=subject)


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return shown(value)
        case Mapping():
            return {str(key): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
