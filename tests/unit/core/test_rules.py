"""Which complete files go."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgwire.codes import Code
from cloudgather.core.rules import Ask, Go, Skip, Unasked, decide
from cloudgather.core.task import Rule

UNASKED = Unasked.UNASKED
SECOND = 10**9


@dataclass(frozen=True)
class Entry:
    """What the ledger has."""

    size: int = 100
    mtime_ns: int = 1000 * SECOND
    origin: str = "sent"
    target_size: int | None = None


@dataclass(frozen=True)
class Shown:
    """What the target has."""

    size: int = 100
    mtime_ns: int = 1000 * SECOND


DEFAULT = {Rule.MISSING, Rule.CHANGED}
OLDER, LATER = Entry(mtime_ns=900 * SECOND), Shown(mtime_ns=1100 * SECOND)


@pytest.mark.parametrize(
    ("rules", "known", "shown", "code", "replaces"),
    [
        # never sent
        (DEFAULT, None, None, Code.GO_MISSING, False),
        (DEFAULT, None, Shown(), Code.SKIP_ADOPTED, None),
        (DEFAULT, None, Shown(size=7), Code.SKIP_DIFFERS, None),
        # this very version was dealt with
        (DEFAULT, Entry(), None, Code.SKIP_SENT, None),
        (set(Rule), Entry(), Shown(size=7, mtime_ns=0), Code.SKIP_SENT, None),
        (DEFAULT, Entry(origin="ignored"), None, Code.SKIP_IGNORED, None),
        (DEFAULT, Entry(origin="adopted"), None, Code.SKIP_ADOPTED, None),
        (DEFAULT, Entry(origin="adopted", target_size=100), None, Code.SKIP_ADOPTED, None),
        (DEFAULT, Entry(origin="adopted", target_size=7), None, Code.SKIP_DIFFERS, None),
        # another version was sent
        (DEFAULT, Entry(size=7), UNASKED, Code.GO_CHANGED, True),
        (DEFAULT, OLDER, Shown(), Code.GO_CHANGED, True),
        ({Rule.CHANGED}, None, UNASKED, Code.SKIP_NO_RULE, None),
        ({Rule.MISSING}, OLDER, None, Code.GO_MISSING, False),
        ({Rule.MISSING}, OLDER, Shown(size=7), Code.SKIP_DIFFERS, None),
        # against what the target has
        ({Rule.SIZE}, None, Shown(size=7), Code.GO_SIZE, True),
        ({Rule.SIZE}, None, Shown(), Code.SKIP_ADOPTED, None),
        ({Rule.SIZE}, None, None, Code.SKIP_NO_RULE, None),
        ({Rule.NEWER}, None, None, Code.SKIP_NO_RULE, None),
        ({Rule.NEWER}, None, Shown(mtime_ns=997 * SECOND), Code.GO_NEWER, True),
        ({Rule.NEWER}, None, Shown(mtime_ns=998 * SECOND), Code.SKIP_ADOPTED, None),
        ({Rule.NEWER}, None, LATER, Code.SKIP_ADOPTED, None),
        ({Rule.MISSING, Rule.SIZE}, None, None, Code.GO_MISSING, False),
        ({Rule.SIZE, Rule.NEWER}, None, Shown(size=7, mtime_ns=0), Code.GO_SIZE, True),
    ],
)
def test_any_rule_that_matches_makes_it_go(
    rules: set[Rule], known: Entry | None, shown: Shown | Unasked | None, code: str, replaces: bool | None
) -> None:
    decided = decide(frozenset(rules), size=100, mtime_ns=1000 * SECOND, known=known, shown=shown)

    assert not isinstance(decided, Ask)
    assert decided.reason.code == code
    assert (decided.replace if isinstance(decided, Go) else None) is replaces


@pytest.mark.parametrize(
    ("rules", "known", "asks"),
    [
        (DEFAULT, None, True),
        ({Rule.SIZE}, None, True),
        ({Rule.NEWER}, OLDER, True),
        ({Rule.MISSING}, OLDER, True),
        ({Rule.CHANGED}, None, False),
        (DEFAULT, OLDER, False),
        (DEFAULT, Entry(), False),
    ],
)
def test_the_target_is_asked_only_where_the_ledger_does_not_tell(
    rules: set[Rule], known: Entry | None, asks: bool
) -> None:
    decided = decide(frozenset(rules), size=100, mtime_ns=1000 * SECOND, known=known, shown=UNASKED)

    assert isinstance(decided, Ask) is asks


@pytest.mark.parametrize(("known", "goes"), [(None, False), (OLDER, True), (Entry(mtime_ns=2000 * SECOND), False)])
def test_where_a_target_keeps_no_mtimes_the_ledger_knows_them(known: Entry | None, goes: bool) -> None:
    decided = decide(
        frozenset({Rule.NEWER}), size=100, mtime_ns=1000 * SECOND, known=known, shown=LATER, keeps_mtime=False
    )

    assert isinstance(decided, Go) is goes


@pytest.mark.parametrize(("size", "adopts"), [(100, True), (7, True)])
def test_what_the_target_has_is_remembered(size: int, adopts: bool) -> None:
    decided = decide(frozenset(DEFAULT), size=100, mtime_ns=1000 * SECOND, known=None, shown=Shown(size=size))

    assert isinstance(decided, Skip)
    assert decided.adopt is adopts


numbers = st.integers(0, 3)
all_rules = st.frozensets(st.sampled_from(list(Rule)), min_size=1)
entries = st.builds(Entry, numbers, numbers, st.sampled_from(["sent", "adopted", "ignored"]), st.none() | numbers)
shows = st.none() | st.just(UNASKED) | st.builds(Shown, numbers, numbers)


@given(all_rules, numbers, numbers, entries, shows, st.booleans())
def test_a_version_that_the_ledger_has_never_goes(
    rules: frozenset[Rule], size: int, mtime_ns: int, known: Entry, shown: Shown | Unasked | None, keeps: bool
) -> None:
    decided = decide(rules, size=size, mtime_ns=mtime_ns, known=known, shown=shown, keeps_mtime=keeps)

    if (known.size, known.mtime_ns) == (size, mtime_ns):
        assert isinstance(decided, Skip)


@given(all_rules, numbers, numbers, st.none() | entries, shows)
def test_nothing_is_replaced_but_by_a_rule_that_compares(
    rules: frozenset[Rule], size: int, mtime_ns: int, known: Entry | None, shown: Shown | Unasked | None
) -> None:
    decided = decide(rules, size=size, mtime_ns=mtime_ns, known=known, shown=shown)

    if isinstance(decided, Go) and decided.replace:
        assert rules & {Rule.CHANGED, Rule.SIZE, Rule.NEWER}
        assert known is not None or isinstance(shown, Shown)
    if not isinstance(shown, Unasked):
        assert not isinstance(decided, Ask)
