"""Says whether a download has been seeded for long enough."""

from collections.abc import Callable
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.download import Download, Rules, seeding_left
from cloudgather.core.downloader import Item, Phase
from cloudgather.pipeline.downloading import Known
from cloudgather.ports.clock import Clock

_MISSED_POLLS: Final = 3  # so often, and for so many seconds, it must be missing before it counts as taken away
_MISSED_FOR: Final = 60.0
_SHARED: Final = frozenset({Phase.SEEDING, Phase.COMPLETE})


class Seeding:
    """What is remembered here between two looks may be lost with the daemon."""

    def __init__(self, *, clock: Clock, rules: Callable[[], Rules]) -> None:
        self._clock = clock
        self._rules = rules
        self._missing: dict[int, tuple[float, float, int]] = {}  # id -> missed first, last poll, polls since

    def hold(self, download: Download, item: Item | None, known: Known) -> Reason | None:
        """Why its data has to stay: until its goal is reached, or it is stopped in the downloader or taken away there.

        Whatever else a downloader does with it is over some time, and says nothing of its goal: it checks what is
        there, its disk is away, it does not list yet all that it has.
        """
        goal = self._rules().goal
        if goal is None or goal.is_reached or download.infohash is None:
            return None
        downloader = download.asked.downloader
        if item is None:
            return None if self._is_missed(download, known) else because(Code.HELD_DOWNLOAD_BUSY, downloader=downloader)
        self._missing.pop(download.id, None)
        if item.phase not in _SHARED:
            return because(Code.HELD_DOWNLOAD_BUSY, downloader=downloader, state=str(item.phase))
        if (left := seeding_left(item, goal)) is None:
            return None
        return because(Code.HELD_DOWNLOAD_SEEDING, ratio=item.ratio, left=left.total_seconds())

    def _is_missed(self, download: Download, known: Known) -> bool:
        now = self._clock.monotonic()
        first, last, polls = self._missing.get(download.id, (now, known.heard, 0))
        polls += known.heard != last
        self._missing[download.id] = first, known.heard, polls
        return polls >= _MISSED_POLLS and now - first >= _MISSED_FOR

    def forget(self, download: Download) -> None:
        """It is over."""
        self._missing.pop(download.id, None)
