"""What holds whatever comes: names, filters, rules and limits with generated inputs."""

import re
import tempfile
from datetime import timedelta
from fnmatch import translate

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudgather.core.filters import excluded_dir, extension_of, is_junk, judge, partial_pattern
from cloudgather.core.globs import matches
from cloudgather.core.kinds import SIDECARS, extensions
from cloudgather.core.limits import HOUR, Spending
from cloudgather.core.naming import destination, sibling, split, unit_of
from cloudgather.core.task import Filter
from cloudgather.core.transfer import Event
from cloudgather.ports.queue import DailyLimitSpent
from cloudgather.store.debris import temporary_name
from queueing import NOW, a_move, a_plan, a_version, running_store

names = st.binary(min_size=1, max_size=12).filter(
    lambda name: not {b"/"[0], 0} & set(name) and name not in (b".", b"..")
)
paths = st.lists(names, min_size=1, max_size=4).map(b"/".join)
daemons = st.text("0123456789abcdef", min_size=8, max_size=8)
numbers = st.integers(1, 2**40 - 1)
tries = st.integers(1, 2**24 - 1)


# ---- names -----------------------------------------------------------------------------------------------------------


@given(daemons, numbers, tries)
def test_a_temporary_is_hidden_short_of_fixed_length_and_no_media_file(daemon: str, transfer: int, tried: int) -> None:
    name = temporary_name(daemon, transfer, tried)

    assert name.startswith(b".")
    assert len(name) == len(temporary_name("00000000", 1, 1)) < 64
    assert re.fullmatch(rb"[.\-~0-9a-z]+", name), "any file system takes it"
    known = extensions("video+subtitles+audio+images+info+books+archives")
    assert extension_of(name) not in known | SIDECARS
    assert partial_pattern(name) is not None, "a daemon that takes that target for a source leaves it alone"


@given(st.lists(st.tuples(daemons, numbers, tries), min_size=2, max_size=6, unique=True))
def test_no_two_tries_share_a_temporary(all_tries: list[tuple[str, int, int]]) -> None:
    assert len({temporary_name(*each) for each in all_tries}) == len(all_tries)


@given(paths, names)
def test_a_path_comes_apart_and_together_again(path: bytes, name: bytes) -> None:
    folder, last = split(path)

    assert destination(folder, last) == path
    assert split(sibling(path, name)) == (folder, name)
    assert destination(unit_of(path), path[len(unit_of(path)) + 1 :]).rstrip(b"/") == path
    assert destination(b"base", path).startswith(b"base/")


# ---- filters ---------------------------------------------------------------------------------------------------------


@given(paths, st.integers(0, 2**40))
def test_without_a_filter_everything_but_junk_goes(path: bytes, size: int) -> None:
    reason = judge(Filter(), path, size)

    assert (reason is not None) == any(map(is_junk, path.split(b"/")))


sizes = st.integers(0, 100)
wanted = st.builds(
    Filter,
    include=st.lists(st.sampled_from([b"*.mkv", b"a*", b"[a-m]/**", b"**/x"]), max_size=2).map(tuple),
    exclude=st.lists(st.sampled_from([b"*.txt", b"*b*", b"c/**"]), max_size=2).map(tuple),
    exclude_dirs=st.lists(st.sampled_from([b"a", b"b/c", b"x*"]), max_size=2).map(tuple),
    extensions=st.sampled_from([frozenset(), frozenset({b"mkv"}), extensions("video")]),
    min_size=sizes,
    max_size=st.none() | sizes,
)
likely = st.lists(
    st.sampled_from([b"a", b"b", b"c", b"x.mkv", b"ab.txt", b"BDMV", b"s.srt", b"@eaDir"]), min_size=1, max_size=4
).map(b"/".join)


@given(wanted, likely | paths, sizes)
def test_what_a_filter_takes_obeys_each_of_its_parts(chosen: Filter, path: bytes, size: int) -> None:
    if judge(chosen, path, size) is not None:
        return

    folder, _ = split(path)
    assert not any(map(is_junk, path.split(b"/")))
    assert not any(matches(pattern, path) for pattern in chosen.exclude)
    assert not chosen.include or any(matches(pattern, path) for pattern in chosen.include)
    assert not folder or excluded_dir(chosen, folder) is None
    assert chosen.max_size is None or size <= chosen.max_size


@given(wanted, likely | paths, sizes, st.sampled_from([b"*.mkv", b"a*", b"x*", b"**"]))
def test_one_more_exclusion_never_lets_more_through(chosen: Filter, path: bytes, size: int, pattern: bytes) -> None:
    stricter = Filter(
        **{
            **{field: getattr(chosen, field) for field in Filter.__dataclass_fields__},
            "exclude": (*chosen.exclude, pattern),
        }
    )

    if judge(stricter, path, size) is None:
        assert judge(chosen, path, size) is None


@given(st.text("ab*?[]!", min_size=1, max_size=6), st.text("ab", min_size=1, max_size=6))
def test_a_pattern_without_a_slash_is_fnmatchs_on_every_name_of_the_path(pattern: str, name: str) -> None:
    expected = pattern == "**" or re.match(translate(pattern), name) is not None

    assert matches(pattern.encode(), b"top/" + name.encode()) == (expected or matches(pattern.encode(), b"top"))


# ---- limits ----------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 100), st.booleans()), min_size=1, max_size=12),
    st.integers(100, 250),
)
@settings(max_examples=settings().max_examples // 10)
def test_no_day_sends_more_than_its_limit(files: list[tuple[int, int, bool]], limit: int) -> None:
    """Files of so many bytes, each so many hours after the one before, some of which fail at their end."""
    with tempfile.TemporaryDirectory() as folder, running_store(folder) as (store, do):
        now, sent = NOW, []
        for number, (hours, size, fails) in enumerate(files):
            now += timedelta(hours=hours)
            do(store.add([a_plan(b"%d" % number, version=a_version(size=size))], now=now))
            try:
                claimed = do(
                    store.claim("cloud", now=now, count=1, most_bytes=None, except_tasks=frozenset(), daily_limit=limit)
                )
            except DailyLimitSpent as spent:
                free = spent.spending.frees_at(spent.size, limit)
                assert free is not None
                assert now < free <= now + timedelta(hours=25)
                continue
            for transfer in claimed:
                event = Event.GIVE_UP if fails else Event.PUBLISH
                do(store.move([a_move(transfer, event, moved=[transfer.version.size])], now=now))
                sent.append((now, transfer.version.size))

    for begin, _ in sent:
        day = [size for at, size in sent if begin <= at < begin + timedelta(hours=24)]
        assert sum(day) <= limit


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 100)), max_size=8, unique_by=lambda each: each[0]), sizes)
def test_what_frees_room_does(hours: list[tuple[int, int]], size: int) -> None:
    limit = 120
    spending = Spending(hours=tuple(sorted(hours)))
    if spending.fits(size, limit):
        return

    at = spending.frees_at(size, limit)

    assert at is not None
    left = [each for each in spending.hours if (each[0] + 25) * HOUR > at.timestamp()]
    assert Spending(hours=tuple(left)).fits(size, limit)
    assert not Spending(hours=tuple(spending.hours[-len(left) - 1 :])).fits(size, limit)
