"""One operation that an agent was given, and how it says that it failed."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


class AgentError(Exception):
    """The agent answered that the operation failed; `facts` as in the protocol, `kind` among them."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        super().__init__(f"{facts.get('kind')}: {facts.get('message', '')}")
        self.kind: str = facts["kind"]
        self.facts = facts


@dataclass(slots=True, kw_only=True, eq=False)
class Operation:
    """One that runs in the agent. Its answer may have been given up while it still does."""

    id: int
    params: Mapping[str, Any]
    factor: float
    answer: asyncio.Future[Any]
    progress: Callable[[Any], None] | None
    side: str
    step: str
    limit: float
    expires: float
    stalled: bool = False

    def fail(self, error: Exception) -> None:
        """Its answer is this error, unless it has one."""
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # it may be that nobody waits any more, which is no news for the log
