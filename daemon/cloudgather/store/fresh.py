"""What was added of late and is queued as it was added: whoever claims it need not read it back."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from sqlite3 import Connection
from typing import Final

from cloudgather.core.transfer import Transfer
from cloudgather.store.rows import TRANSFER

_MOST: Final = 8192  # 5 MiB: so far the planning of 10,000 small files may run ahead of their claims
# A claim demands that state, generation and try are as they were added. Whatever else changes one of these in a queued
# row, or queues it again, writes one of the others as well: `due`, the destination, what was planned.
_OF_MOVES: Final = frozenset({"state", "generation", "tries", "attempts", "temporary", "sent", "reason", "updated"})
_KEPT: Final = ", ".join(column for column in TRANSFER.split(", ") if column not in _OF_MOVES)
_FORGET: Final = (
    f"CREATE TEMP TRIGGER transfer_not_fresh AFTER UPDATE OF {_KEPT} ON transfer WHEN OLD.due IS NULL "
    "BEGIN SELECT forget(OLD.id); END"
)
_id: Final = attrgetter("id")


class Fresh:
    """Transfers as they were added through this connection, by id; the newest, and none that may have changed.

    SQLite tells of each row that a statement of this connection changes, whichever it is. What another program writes
    makes all be forgotten, and so does whatever undoes a transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._transfers: OrderedDict[int, Transfer] = OrderedDict()
        self._version: int | None = None
        connection.create_function("forget", 1, self._forget)
        connection.execute(_FORGET)

    def begin(self) -> None:
        """A transaction has begun: forget everything if anybody else has written since the last one."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self.forget_all()
        self._version = version

    def add(self, transfers: Sequence[Transfer]) -> None:
        """These have just been written."""
        self._transfers.update(zip(map(_id, transfers), transfers, strict=True))
        while len(self._transfers) > _MOST:
            self._transfers.popitem(last=False)

    def known(self, ids: Iterable[int]) -> Mapping[int, Transfer]:
        """Those of these that it has."""
        return {id: transfer for id in ids if (transfer := self._transfers.get(id)) is not None}

    def forget(self, transfers: Sequence[Transfer]) -> None:
        """These have been claimed."""
        for each in transfers:
            self._transfers.pop(each.id, None)

    def _forget(self, id: int) -> None:
        self._transfers.pop(id, None)

    def forget_all(self) -> None:
        """Nobody knows what has become of them."""
        self._transfers.clear()
