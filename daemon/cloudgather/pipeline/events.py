"""The bus on which the pipeline tells whoever listens what has just happened."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

Happening = Mapping[str, Any]  # as it goes over the wire; `kind` says which


class Subscription:
    """What one listener has not read yet; at most `most`, beyond which it counts as lost."""

    def __init__(self, wanted: Callable[[Happening], bool], *, most: int) -> None:
        self._wanted = wanted
        self._most = most
        self._pending: deque[Happening] = deque()
        self._arrived = asyncio.Event()
        self.lost = False
        self.closed = False

    def offer(self, happening: Happening) -> None:
        """Keep it for the listener if it is wanted; a listener that is too far behind is lost, not waited for."""
        if self.closed or not self._wanted(happening):
            return
        if len(self._pending) >= self._most:
            self.lost = True
        else:
            self._pending.append(happening)
        self._arrived.set()

    def close(self) -> None:
        """End the iteration."""
        self.closed = True
        self._arrived.set()

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Happening:
        while not self._pending:
            if self.closed or self.lost:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._pending.popleft()


class Bus:
    """Publishing never waits and never fails; used on the event loop only."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    def publish(self, happening: Happening) -> None:
        """Offer it to every listener."""
        for subscription in tuple(self._subscriptions):
            subscription.offer(happening)
            if subscription.closed or subscription.lost:
                self._subscriptions.discard(subscription)

    def subscribe(
        self, kinds: frozenset[str] | None = None, task: str | None = None, *, most: int = 4096
    ) -> Subscription:
        """Listen to these kinds (None: all) of this task (None: all; what belongs to no task is always heard)."""

        def wanted(happening: Happening) -> bool:
            if kinds is not None and happening.get("kind") not in kinds:
                return False
            return task is None or happening.get("task") in (None, task)

        subscription = Subscription(wanted, most=most)
        self._subscriptions.add(subscription)
        return subscription

    @property
    def heard(self) -> bool:
        """Whether anybody listens (progress is not worth making otherwise)."""
        return bool(self._subscriptions)
