"""Puts together what follows downloads on request, and says what somebody's groups allow."""

import grp
from collections.abc import Awaitable, Callable, Mapping

from cgwire.access import Access
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.caller import Caller
from cloudgather.core.download import Allowance, Rules, widest
from cloudgather.outside.disks import Disks
from cloudgather.outside.trackerfile import TrackerFile
from cloudgather.outside.trees import Trees
from cloudgather.pipeline.admitting import Admission
from cloudgather.pipeline.arriving import Arriving
from cloudgather.pipeline.board import Board
from cloudgather.pipeline.claims import Claims
from cloudgather.pipeline.downloading import Book, Known
from cloudgather.pipeline.downloads import Downloads
from cloudgather.pipeline.events import Bus
from cloudgather.pipeline.handing import Handing
from cloudgather.pipeline.leaving import Leaving
from cloudgather.pipeline.returning import Returning
from cloudgather.pipeline.scanning import Scanner
from cloudgather.pipeline.seeding import Seeding
from cloudgather.pipeline.sparing import Sparing
from cloudgather.ports.clock import Clock
from cloudgather.ports.source import Source
from cloudgather.ports.uploads import CannotAsk
from cloudgather.store.sqlite import SqliteStore


def make_downloads(
    *,
    store: SqliteStore,
    board: Board,
    bus: Bus,
    scanner: Scanner,
    clock: Clock,
    rules: Callable[[], Rules],
    claims: Claims,
    source_at: Callable[[bytes], Source],
    tasks_changed: Callable[[], Awaitable[object]],
) -> Downloads:
    """The follower with its parts."""
    book = Book(store=store, bus=bus, clock=clock)
    admission = Admission(book=book, clock=clock, rules=rules, free=Disks().free)

    def known(name: str) -> Known | CannotAsk:
        following = claims.following.get(name)
        if following is None:
            return CannotAsk(because(Code.ERROR_NO_SUCH_DOWNLOADER, downloader=name))
        if following.silent is not None or following.heard is None:
            return CannotAsk(following.silent or because(Code.DOWNLOADER_STARTING, downloader=name))
        return Known(
            client=following.port,
            items=following.items,
            heard=following.heard,
            steady=following.steady,
            poll_soon=following.poll_soon,
        )

    downloads = Downloads(
        store=store,
        book=book,
        arriving=Arriving(
            book=book,
            clock=clock,
            rules=rules,
            source_at=source_at,
            admission=admission,
            handing=Handing(
                store=store,
                book=book,
                clock=clock,
                rules=rules,
                admission=admission,
                listed=TrackerFile(clock=clock).trackers,
            ),
        ),
        leaving=Leaving(
            store=store,
            book=book,
            board=board,
            scanner=scanner,
            clock=clock,
            rules=rules,
            seeding=Seeding(store=store, book=book, clock=clock, rules=rules),
            sparing=Sparing(
                store=store,
                board=board,
                source_at=source_at,
                needed_elsewhere=lambda folder, but: claims.needed_by_others(folder, but=but),
            ),
            tasks_changed=tasks_changed,
            remove_tree=Trees().remove,
        ),
        returning=Returning(store=store, book=book, downloaders=lambda: claims.following.keys(), known=known),
        clock=clock,
        known=known,
    )
    claims.on_finished(downloads.wake)
    return downloads


def allowance_of(caller: Caller, allowances: Mapping[str, Allowance]) -> Allowance:
    """What the groups of somebody who may only download allow; who may operate the daemon is bound by nothing."""
    if caller.access >= Access.OPERATE:
        return Allowance()
    return widest([each for name, each in allowances.items() if _gid(name) in caller.groups])


def _gid(group: str) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None
