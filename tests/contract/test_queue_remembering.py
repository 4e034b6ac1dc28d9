"""What a QueueStore remembers: the ledger, tasks, targets, flags; see ports.queue.QueueStore for the law."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.bandwidth import RateOrder
from cloudgather.core.target import Identity
from cloudgather.ports.queue import Content, LedgerEntry, Origin, QueueStore, TargetMemory, TaskMemory
from queueing import LATER, NOW, STRANGE, Do, content, failed, running_store


def adopted(path: bytes, **changes: Any) -> LedgerEntry:
    entry = LedgerEntry(
        task="films",
        path=path,
        size=100,
        mtime_ns=1_000,
        origin=Origin.ADOPTED,
        target="cloud",
        destination=b"base/" + path,
        target_size=100,
        digest=None,
        transfer=None,
        strength="",
        at=NOW,
    )
    return replace(entry, **changes)


def test_what_the_ledger_has_at_its_place_is_not_unknown(store: QueueStore, do: Do) -> None:
    do(store.adopt([adopted(path, mtime_ns=2**70 if index % 2 else -1) for index, path in enumerate(STRANGE)]))
    same = [content(path, mtime_ns=2**70 if index % 2 else -1) for index, path in enumerate(STRANGE)]

    def unknown(contents: list[Content], *, task: str = "films", target: str = "cloud", base: bytes = b"base") -> Any:
        return do(store.unknown(task, contents, target=target, base=base))

    assert unknown(same) == frozenset()
    assert unknown([*same, content(b"new")]) == {b"new"}
    assert unknown([(path, size + 1, mtime_ns) for path, size, mtime_ns in same]) == set(STRANGE)
    assert unknown([(path, size, 5) for path, size, _ in same]) == set(STRANGE)
    assert (
        unknown(same, task="other") == unknown(same, target="disk") == unknown(same, base=b"elsewhere") == set(STRANGE)
    )
    assert unknown([]) == frozenset()


def test_a_base_may_be_the_root_of_the_target(store: QueueStore, do: Do) -> None:
    do(store.adopt([adopted(b"film.mkv", destination=b"film.mkv")]))

    assert do(store.unknown("films", [content(), content(b"new")], target="cloud", base=b"")) == {b"new"}


def test_more_are_compared_than_one_statement_names(store: QueueStore, do: Do) -> None:
    paths = [b"%d.mkv" % number for number in range(3000)]
    do(store.adopt([adopted(path) for path in paths[:-1]]))

    assert do(store.unknown("films", [content(path) for path in paths], target="cloud", base=b"base")) == {paths[-1]}


def test_the_ledger_is_paged_by_path(store: QueueStore, do: Do) -> None:
    entries = [adopted(path, size=1, mtime_ns=2**70, destination=path, target_size=2) for path in sorted(STRANGE)]
    do(store.adopt(entries))

    first = do(store.ledger_of("films", after=None, limit=3))
    rest = do(store.ledger_of("films", after=first[-1].path, limit=99))

    assert [*first, *rest] == entries
    assert do(store.ledger_of("other", after=None, limit=9)) == []
    assert do(store.ledger("films", STRANGE)) == {entry.path: entry for entry in entries}


def test_memory_outlives_the_daemon(tmp_path: Path) -> None:
    task = TaskMemory(name="电影", paused=True, initialised=True, base_made=b"c115:films", last_due=NOW)
    target = TargetMemory(
        name="cloud",
        root=b"/mnt/\xff",
        identity=Identity(mount_point=b"/mnt/\xff", fs_type="fuse.rclone", source=b"115:"),
        paused=True,
        breaker_until=LATER,
        breaker_opened=3,
        breaker_reason=because(Code.FAIL_IO, errno=5, cause={"code": "x"}),
        facts={"case_sensitive": None, "bad_chars": ["?"], "write_rate": 1.5},
        rate_order=RateOrder(rate=None, until=LATER, span=timedelta(hours=2)),
    )
    with running_store(str(tmp_path)) as (store, do):
        do(store.remember_task(TaskMemory(name="电影")))
        do(store.remember_task(task))
        do(store.remember_target(target))
        do(store.remember_target(TargetMemory(name="plain")))
        do(store.set_flag("queue-paused", "yes"))
        do(store.set_flag("gone", "yes"))
        do(store.set_flag("gone", None))
        flags = do(store.flags())
        before = failed(store, do)

    with running_store(str(tmp_path)) as (store, do):
        assert do(store.tasks()) == {"电影": task}
        assert do(store.targets()) == {"cloud": target, "plain": TargetMemory(name="plain")}
        assert do(store.flags()) == flags
        assert do(store.transfer(before.id)) == before
        assert flags.keys() == {"queue-paused", "daemon-id"}
