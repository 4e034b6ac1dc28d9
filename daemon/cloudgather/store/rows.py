"""Rows and values: how a transfer, a reason, an instant and a number too large for SQLite are stored."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial, wraps
from itertools import repeat
from typing import Any, Final, ParamSpec, TypeVar

import msgpack

from cgwire.reasons import Reason
from cloudgather.core.transfer import Sent, State, Transfer, Version
from cloudgather.store.errors import RowDamaged

P = ParamSpec("P")
Value = TypeVar("Value")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_STATES: Final = {str(state): state for state in State}  # three times as fast as the enumeration's own look-up

_transfer: Final = partial(tuple.__new__, Transfer)  # Transfer._make without a call of Python for each
TRANSFER: Final = (
    "id, task, path, target, destination, size, mtime_ns, device, inode, generation, state, priority, attempts, tries, "
    "temporary, sent, reason, plan_reason, replaces, guessed, due, run, created, updated"
)


def reads(make: Callable[P, Value]) -> Callable[P, Value]:
    """For a function that makes a value of a row: of one that no value can be made of it raises RowDamaged."""

    @wraps(make)
    def guarded(*row: P.args, **names: P.kwargs) -> Value:
        try:
            return make(*row, **names)
        except (ValueError, TypeError, LookupError, OverflowError, AttributeError, msgpack.UnpackException) as error:
            raise RowDamaged(f"{make.__name__.strip('_')}: {error} in {_plain(row)!r}") from error

    return guarded


def _plain(row: object) -> object:
    """Without what is packed in it, which nobody could read and may hold a password."""
    if isinstance(row, tuple):
        return tuple(_plain(each) for each in row)
    if isinstance(row, bytes) and "\ufffd" in row.decode(errors="replace"):
        return f"{len(row)} bytes"
    return row


class _Packing(threading.local):
    """A packer is of one thread, and made once: that takes longer than what it packs."""

    def __init__(self) -> None:
        self.pack: Callable[[Any], Any] = msgpack.Packer(default=str, unicode_errors="surrogateescape").pack


_packing: Final = _Packing()


def packed(value: Any) -> bytes:
    """Any value of None, bool, numbers, str, bytes, lists and maps."""
    return bytes(_packing.pack(value))


def unpacked(blob: bytes) -> Any:
    """The inverse of packed."""
    return msgpack.unpackb(blob, unicode_errors="surrogateescape", strict_map_key=False)


# The rows of a batch share their instants.
@lru_cache(maxsize=64)
def from_instant(instant: datetime) -> int:
    """Whole microseconds since 1970; `instant` is aware."""
    return (instant - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=256)
def to_instant(stored: int) -> datetime:
    """The inverse of from_instant."""
    return _EPOCH + timedelta(microseconds=stored)


def from_optional_instant(instant: datetime | None) -> int | None:
    """from_instant, None staying None."""
    return None if instant is None else from_instant(instant)


def to_optional_instant(stored: int | None) -> datetime | None:
    """to_instant, None staying None."""
    return None if stored is None else to_instant(stored)


def from_number(number: int) -> int | str:
    """For columns without a type: an int where 64 bits hold it, else its digits."""
    return number if _SMALLEST <= number <= _LARGEST else str(number)


def from_numbers(numbers: Sequence[int]) -> Sequence[int | str]:
    """from_number of each, at least one."""
    if min(numbers) >= _SMALLEST and max(numbers) <= _LARGEST:
        return numbers
    return [*map(from_number, numbers)]


def from_reason(reason: Reason | None) -> bytes | None:
    """As the wire has it."""
    if reason is None:
        return None
    return packed(reason.to_wire()) if reason.facts else _bare(reason.code)


@lru_cache(maxsize=256)
def _bare(code: str) -> bytes:
    return packed({"code": code})


def to_reason(blob: bytes | None) -> Reason | None:
    """The inverse of from_reason."""
    return None if blob is None else _reason(blob)


@lru_cache(maxsize=256)
def _reason(blob: bytes) -> Reason:
    # A queue has many transfers and few reasons; to read one afresh for each is a third of reading a transfer.
    return Reason.from_wire(unpacked(blob))


def from_sent(sent: Sent | None) -> bytes | None:
    """A list of its fields; an mtime beyond 64 bits becomes its digits (msgpack's `default`)."""
    return None if sent is None else packed(sent)


def to_sent(blob: bytes | None) -> Sent | None:
    """The inverse of from_sent."""
    if blob is None:
        return None
    size, mtime_ns, digest, standing = unpacked(blob)
    return Sent(
        size=size,
        mtime_ns=None if mtime_ns is None else int(mtime_ns),
        digest=digest,
        standing=None if standing is None else (standing[0], int(standing[1])),
    )


def to_transfers(rows: Sequence[tuple[Any, ...]]) -> list[Transfer]:
    """Rows of the columns TRANSFER, in their order."""
    if not rows:
        return []
    try:
        return _transfers(*rows)
    except RowDamaged:
        for row in rows:  # it says which one, and nothing of the others
            _transfers(row)
        raise


@reads
def _transfers(*rows: tuple[Any, ...]) -> list[Transfer]:
    # By columns: a function for each row, with a name for each of its values, takes twice as long.
    id, task, path, target, destination, *columns = zip(*rows, strict=True)
    size, mtime_ns, device, inode, generation, state, priority, attempts, tries, temporary, *columns = columns
    sent, reason, plan_reason, replaces, guessed, due, run, created, updated = columns
    fields = (
        id,
        task,
        path,
        target,
        destination,
        map(Version, map(int, size), map(int, mtime_ns), map(int, device), map(int, inode)),
        map(int, generation),
        map(_STATES.__getitem__, state),
        map(int, priority),
        map(int, attempts),
        map(int, tries),
        temporary,
        map(to_sent, sent),
        map(to_reason, reason),
        map(_reason, plan_reason),
        map(bool, replaces),
        map(bool, guessed),
        map(to_optional_instant, due),
        run,
        map(to_instant, created),
        map(to_instant, updated),
    )
    return [*map(_transfer, zip(*fields, strict=True))]


def of_columns(each: Mapping[str, Iterable[Any]], alike: Mapping[str, Any]) -> list[Transfer]:
    """Transfers of their fields, by name: what each has, and what is the same in all and goes before that."""
    fields = [repeat(alike[name]) if name in alike else each[name] for name in Transfer._fields]
    return [*map(_transfer, zip(*fields, strict=False))]


def assignments(changes: Mapping[str, Any]) -> str:
    """The SET clause of these columns, values by name."""
    return ", ".join(f"{column} = :{column}" for column in changes)


def names(states: Iterable[State]) -> str:
    """For an IN: written out, so that SQLite can use the partial indexes."""
    return ", ".join(f"'{state}'" for state in sorted(states))
