"""The store against a model in plain Python: any sequence of calls leaves both with the same queue."""

import asyncio
import os
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from accounts import assert_history_adds_up
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.transfer import LIVE, MOVES, Event, Plan, State, Transfer, Version
from cloudgather.ports.queue import Added, Chosen, Content, Move, Overtaken
from cloudgather.store.opening import DATABASE
from cloudgather.store.sqlite import SqliteStore, open_store
from queueing import NOW, a_plan, a_sent, a_version, content, passed

TASKS = ("films", "series")
PATHS = (b"a", b"sub/\xff", b"c\n")
ENDED = frozenset(State) - LIVE - {State.WRITTEN}
EVENTS = sorted(set(Event) - {Event.CLAIM})
OPERATOR = because(Code.CANCELLED_OPERATOR, by="ann")


@dataclass(slots=True, kw_only=True)
class Row:
    """What the model knows of one transfer."""

    id: int
    plan: Plan
    state: State = State.QUEUED
    generation: int = 1
    attempts: int = 0
    tries: int = 0
    priority: int = 0
    due: datetime | None = None
    cleared: bool = False
    run: int | None = None

    def queue(self, due: datetime | None = None) -> None:
        self.state, self.due, self.cleared = State.QUEUED, due, False


RUNS = (1, 2)
plans = st.builds(
    lambda task, path, size, priority, code, run: a_plan(
        path, task=task, version=a_version(size=size), priority=priority, reason=because(code), run=run
    ),
    st.sampled_from(TASKS),
    st.sampled_from(PATHS),
    st.integers(1, 2),
    st.integers(0, 2),
    st.sampled_from([Code.GO_MISSING, Code.GO_MISSING, Code.GO_OVERWRITE]),
    st.sampled_from([None, *RUNS]),
)
chosen = st.builds(
    Chosen,
    task=st.none() | st.sampled_from(TASKS),
    glob=st.none() | st.sampled_from([b"a", b"sub/"]),
    states=st.frozensets(st.sampled_from(sorted(State)), max_size=3),
)


class QueueMachine(RuleBasedStateMachine):
    """Each rule does the same to the store and to the model and compares the answers."""

    store: SqliteStore

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[int, Row] = {}
        self.debris: set[tuple[int, int]] = set()  # transfer, try
        self.known: dict[int, Transfer] = {}  # as somebody saw them, a while ago perhaps
        self.ledger: dict[tuple[str, bytes], tuple[int, Version]] = {}  # by task and path: transfer, what was sent
        self.now = NOW
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()

    @initialize()
    def begin(self) -> None:
        self.store = self.do(open_store(self.folder.name, now=NOW))
        assert tuple(self.do(self.store.start_run("films", "manual", now=NOW)) for _ in RUNS) == RUNS

    def teardown(self) -> None:
        try:
            if hasattr(self, "store"):
                self.do(self.store.close())
                with closing(sqlite3.connect(os.path.join(self.folder.name, DATABASE))) as connection:
                    assert_history_adds_up(connection)
        finally:
            self.runner.close()
            self.folder.cleanup()

    def do(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    # What the model says

    def of(self, plan: Plan) -> list[Row]:
        return [row for row in self.rows.values() if (row.plan.task, row.plan.path) == (plan.task, plan.path)]

    def is_right(self, known: Transfer) -> bool:
        """Of those that are being brought the state has to be, too; the others are read."""
        row = self.rows[known.id]
        bringing = known.state in (State.COPYING, State.PUBLISHING, State.WRITTEN)
        same = (known.generation, known.tries) == (row.generation, row.tries)
        return same and (known.state is row.state or not bringing)

    def live(self, plan: Plan) -> Row | None:
        return next((row for row in self.of(plan) if row.state in LIVE), None)

    def matching(self, chosen: Chosen, *states: State) -> list[Row]:
        folder = {b"a": b"a", b"sub/": b"sub/\xff", None: None}[chosen.glob]
        return [
            row
            for row in self.rows.values()
            if not row.cleared
            and row.state in states
            and (not chosen.states or row.state in chosen.states)
            and chosen.task in (None, row.plan.task)
            and folder in (None, row.plan.path)
        ]

    def model_add(self, plan: Plan) -> tuple[int | None, Added]:
        row = self.live(plan) or max(self.of(plan), key=lambda row: row.id, default=None)
        if row is None:
            return None, Added.NEW
        same = row.plan.version == plan.version
        insisting = plan.reason.code == Code.GO_OVERWRITE
        _, sent = self.ledger.get((plan.task, plan.path), (0, None))
        if row.state not in LIVE and not insisting and sent == plan.version:
            return row.id, Added.SENT
        if row.state in (State.WRITTEN, State.DONE, State.VANISHED):
            return None, Added.NEW
        if row.state is State.QUEUED:
            row.priority = max(row.priority, plan.priority)
            if same:
                row.run = plan.run if insisting and plan.run is not None else row.run
                return row.id, Added.KNOWN
        elif row.state in LIVE:
            return row.id, Added.KNOWN
        elif same and not insisting:
            return row.id, Added.BOUND
        else:
            row.priority = plan.priority
        row.generation += not same
        row.plan, row.attempts = plan, 0
        row.run = plan.run if plan.run is not None else row.run
        row.queue()
        return row.id, Added.REFRESHED

    # What may happen

    @rule(wanted=st.lists(plans, min_size=1, max_size=4))
    def add(self, wanted: list[Plan]) -> None:
        answers = self.do(self.store.add(wanted, now=self.now))

        for plan, (id, added) in zip(wanted, answers, strict=True):
            expected, what = self.model_add(plan)
            assert added is what
            assert expected in (None, id)
            if expected is None:
                assert id not in self.rows
                self.rows[id] = Row(id=id, plan=plan, priority=plan.priority, run=plan.run)

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.rows)))
        self.known[id] = self.do(self.store.transfer(id))

    @rule(count=st.integers(1, 3), but=st.frozensets(st.sampled_from(TASKS), max_size=1))
    def claim(self, count: int, but: frozenset[str]) -> None:
        claimed = self.do(self.store.claim("cloud", now=self.now, count=count, most_bytes=None, except_tasks=but))

        due = [
            row
            for row in self.rows.values()
            if row.state is State.QUEUED and (row.due is None or row.due <= self.now) and row.plan.task not in but
        ]
        due.sort(key=lambda row: (-row.priority, row.id))
        assert [transfer.id for transfer in claimed] == [row.id for row in due[:count]]
        assert claimed == [self.do(self.store.transfer(row.id)) for row in due[:count]]
        for row in due[:count]:
            row.state = State.COPYING
            row.tries += 1
            self.debris.add((row.id, row.tries))
        self.known |= {transfer.id: transfer for transfer in claimed}

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), event=st.sampled_from(EVENTS), spend=st.booleans(), swept=st.booleans(), stale=st.booleans())
    def move(self, data: st.DataObject, event: Event, spend: bool, swept: bool, stale: bool) -> None:
        possible = [row for row in self.rows.values() if event in MOVES[row.state]]
        first = data.draw(st.sampled_from(possible or list(self.rows.values())))
        alike = [row for row in self.rows.values() if row.state is first.state]
        rows = data.draw(st.lists(st.sampled_from(alike), min_size=1, max_size=3, unique_by=lambda row: row.id))
        move = Move(
            [self.as_known(row, stale=stale, data=data) for row in rows],
            event,
            due=data.draw(st.none() | st.just(self.now + timedelta(minutes=1))),
            spend=spend and event in (Event.DEFER, Event.GIVE_UP),
            swept=swept and first.state is State.COPYING and event is not Event.PUBLISH,
            sent=[a_sent()] * len(rows) if event is Event.PUBLISH else (),
        )
        after = MOVES[first.state].get(event)
        if after is None or not all(self.is_right(known) for known in move.transfers) or not self.fit(rows, after):
            try:
                self.do(self.store.move([move], now=self.now))
            except Overtaken:
                return
            raise AssertionError(f"{event} of {rows} was made")

        made = self.do(self.store.move([move], now=self.now))

        for row, moved in zip(rows, made, strict=True):
            self.known[moved.id] = moved
            assert moved.state is after
            assert moved == self.do(self.store.transfer(row.id))
            self.model_move(row, move, after)

    def as_known(self, row: Row, *, stale: bool, data: st.DataObject) -> Transfer:
        """As somebody knows it who saw it now, or some time ago."""
        now: Transfer = self.do(self.store.transfer(row.id))
        known = data.draw(st.sampled_from([now, self.known.get(row.id, now)]))
        if not stale:
            return known
        return known._replace(generation=known.generation + known.generation % 2, tries=known.tries - (known.tries > 1))

    def fit(self, rows: list[Row], after: State) -> bool:
        """Whether at most one of each path is live when these are in that state."""
        beside = [row for row in self.rows.values() if row.state in LIVE and row not in rows]
        places = [(row.plan.task, row.plan.path) for row in [*beside, *rows]]
        return after not in LIVE or len(places) == len(set(places))

    def model_move(self, row: Row, move: Move, after: State) -> None:
        if move.swept or move.event is Event.WRITE:
            self.debris.discard((row.id, row.tries))
        place = row.plan.task, row.plan.path
        if move.event is Event.WRITE:
            self.ledger[place] = row.id, row.plan.version
        elif move.event is Event.LOSE and self.ledger.get(place, (0,))[0] == row.id:
            del self.ledger[place]
        row.state = after
        row.attempts = 0 if move.event in (Event.CHANGE, Event.REQUEUE) else row.attempts + move.spend
        row.generation += move.event is Event.CHANGE
        if after is State.QUEUED:
            row.due = move.due
        if move.event is Event.REQUEUE:
            row.cleared = False

    @rule(chosen=chosen)
    def requeue(self, chosen: Chosen) -> None:
        count = self.do(self.store.requeue(chosen, now=self.now))

        expected = 0
        waiting = [row for row in self.matching(chosen, State.QUEUED) if row.due is not None]
        for row in self.matching(chosen, State.FAILED, State.CANCELLED):
            if self.live(row.plan) is None and row is self.of(row.plan)[-1]:
                row.attempts = 0
                row.queue()
                expected += 1
        for row in waiting:
            row.due = None
        assert count == expected + len(waiting)

    @rule(chosen=chosen)
    def cancel(self, chosen: Chosen) -> None:
        count = self.do(self.store.cancel(chosen, reason=OPERATOR, now=self.now))

        rows = self.matching(chosen, State.QUEUED, State.FAILED)
        for row in rows:
            row.state = State.CANCELLED
        assert count == len(rows)

    @rule(chosen=chosen)
    def put_first(self, chosen: Chosen) -> None:
        count = self.do(self.store.put_first(chosen, now=self.now))

        rows = self.matching(chosen, State.QUEUED)
        highest = max((row.priority for row in self.rows.values() if row.state is State.QUEUED), default=0)
        for row in rows:
            row.priority, row.due = highest + 1, None
        assert count == len(rows)

    @rule(chosen=chosen)
    def forget(self, chosen: Chosen) -> None:
        count = self.do(self.store.forget(chosen, now=self.now))

        rows = self.matching(chosen, *ENDED)
        for row in rows:
            row.cleared = True
        assert count == len(rows)

    @rule()
    def sweep(self) -> None:
        self.do(self.store.swept([one.id for one in self.do(self.store.debris())]))

        self.debris = {(id, tries) for id, tries in self.debris if self.owns(id, tries)}

    @rule(seconds=st.integers(0, 90))
    def clamp_due(self, seconds: int) -> None:
        """As after a jump of the clock."""
        latest = self.now + timedelta(seconds=seconds)

        self.do(self.store.clamp_due(now=self.now, most=timedelta(seconds=seconds)))

        for row in self.rows.values():
            if row.state is State.QUEUED and row.due is not None:
                row.due = min(row.due, latest)

    @rule()
    def let_time_pass(self) -> None:
        self.now += timedelta(seconds=40)

    @rule()
    def restart(self) -> None:
        self.do(self.store.close())
        self.store = self.do(open_store(self.folder.name, now=self.now))

    # What always holds

    def owns(self, id: int, tries: int) -> bool:
        row = self.rows[id]
        return row.state in (State.COPYING, State.PUBLISHING) and row.tries == tries

    @invariant()
    def the_rows_are_the_models(self) -> None:
        if not hasattr(self, "store"):
            return
        found = [self.do(self.store.transfer(id)) for id in sorted(self.rows)]
        seen = [
            replace_due(
                Row(
                    id=row.id,
                    plan=self.rows[row.id].plan,
                    state=row.state,
                    generation=row.generation,
                    attempts=row.attempts,
                    tries=row.tries,
                    priority=row.priority,
                    due=row.due,
                    cleared=self.rows[row.id].cleared,
                    run=row.run,
                ),
                self.now,
            )
            for row in found
        ]
        assert seen == [replace_due(self.rows[id], self.now) for id in sorted(self.rows)]

    @invariant()
    def counts_debris_and_listing_agree(self) -> None:
        if not hasattr(self, "store"):
            return
        visible = [row for row in self.rows.values() if not row.cleared]
        numbers = Counter((row.plan.task, "cloud", row.state) for row in visible)
        counts = self.do(self.store.counts())
        assert {key: number for key, (number, _) in counts.items()} == numbers
        assert {key: size for key, (_, size) in counts.items()} == bytes_by(visible)
        assert [row.id for row in self.do(self.store.transfers(Chosen(), limit=999))] == sorted(
            row.id for row in visible
        )
        unowned = Counter(id for id, tries in self.debris if not self.owns(id, tries))
        assert Counter(one.transfer for one in self.do(self.store.debris())) == unowned

    @invariant()
    def what_is_live_is_known_by_its_path(self) -> None:
        if not hasattr(self, "store"):
            return
        for task in TASKS:
            rows = [row for row in self.rows.values() if row.plan.task == task and row.state in LIVE]
            found = {
                path for size in (1, 2) for path in self.do(passed(self.store, contents(size), task=task, force=True))
            }
            assert found == {row.plan.path for row in rows}
            under_way = {row.plan.path: row.plan.version for row in rows if row.state is not State.QUEUED}
            assert self.do(self.store.known(task, PATHS)) == (under_way, self.do(self.store.ledger(task, PATHS)))

    @invariant()
    def what_runs_have_come_to_is_what_became_of_theirs(self) -> None:
        if not hasattr(self, "store"):
            return
        for run in self.do(self.store.runs(None, limit=9)):
            rows = [row for row in self.rows.values() if row.run == run.id]
            uploaded = [row for row in rows if row.state in (State.WRITTEN, State.DONE)]
            assert run.left == sum(row.state in LIVE for row in rows)
            assert run.uploaded == len(uploaded)
            assert run.bytes == sum(row.plan.version.size for row in uploaded)
            assert run.failed >= sum(row.state is State.FAILED for row in rows)  # others were taken over by another run


def contents(size: int) -> list[Content]:
    """Of each path that of this size."""
    return [content(path, size=size) for path in PATHS]


def bytes_by(rows: list[Row]) -> dict[tuple[str, str, State], int]:
    """(task, target, state) -> bytes."""
    sizes: Counter[tuple[str, str, State]] = Counter()
    for row in rows:
        sizes[row.plan.task, "cloud", row.state] += row.plan.version.size
    return dict(sizes)


def replace_due(row: Row, now: datetime) -> Row:
    """A due instant counts only while it is ahead, and only for what is queued."""
    ahead = row.due is not None and row.due > now and row.state is State.QUEUED
    return replace(row, due=row.due if ahead else None)


QueueMachine.TestCase.settings = settings(max_examples=settings().max_examples // 4, stateful_step_count=40)
TestQueueMachine = QueueMachine.TestCase
