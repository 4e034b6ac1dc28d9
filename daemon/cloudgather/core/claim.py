"""Decides what downloaders' claims to one file mean: complete, not yet, or not wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.downloader import DownloaderSpec, Item, ItemFile, Phase

_GIVEN_UP: Final = frozenset({Phase.FAILED, Phase.MISSING})
_COMING: Final = frozenset({Phase.QUEUED, Phase.DOWNLOADING, Phase.STALLED, Phase.SEEDING, Phase.COMPLETE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One item of one downloader to which the file belongs."""

    spec: DownloaderSpec
    item: Item
    file: ItemFile
    steady: bool  # two polls in a row have shown the item complete
    file_steady: bool = False  # and so of the file
    listed: bool = True  # the downloader still lists it


def word_of(claims: Sequence[Claim], *, size: int, whole: bool) -> Reason | None:
    """What they say of the file, `size` bytes long on disk; None: nobody claims it.

    `whole`: a file is complete when all wanted files of its item are. Of several items that claim it one that still
    works on it decides, then one that has completed it.
    """
    wanted = [claim for claim in claims if claim.file.wanted]
    if not wanted:
        return because(Code.SKIP_UNWANTED, downloader=claims[0].spec.name) if claims else None
    for claim in wanted:
        if claim.item.phase not in _GIVEN_UP and not _is_complete(claim, whole=whole):
            return _wait(claim, whole=whole)
    for claim in wanted:
        if _is_complete(claim, whole=whole):
            return _complete(claim, size)
    return _wait(wanted[0], whole=whole)


def _is_complete(claim: Claim, *, whole: bool) -> bool:
    if not claim.listed:
        return False
    if claim.item.complete and claim.steady:
        return True
    in_place = claim.item.phase in _COMING and claim.item.current == claim.item.final
    # All of an empty file is there before anything is: it comes with its item.
    return not whole and in_place and claim.file.complete and claim.file.size > 0 and claim.file_steady


def _complete(claim: Claim, size: int) -> Reason:
    name, item = claim.spec.name, claim.item
    if size != claim.file.size:
        return because(Code.WAIT_DOWNLOADER_SIZE, downloader=name, item=item.id, expected=claim.file.size, found=size)
    return because(Code.MET_DOWNLOADER, kind=str(claim.spec.kind), downloader=name, item=item.id, state=str(item.phase))


def _wait(claim: Claim, *, whole: bool) -> Reason:
    name, item = claim.spec.name, claim.item
    if not claim.listed:
        return because(Code.WAIT_DOWNLOADER_GONE, downloader=name, item=item.id)
    share = item.progress if whole else claim.file.done / claim.file.size if claim.file.size else item.progress
    return because(
        Code.WAIT_DOWNLOADER,
        kind=str(claim.spec.kind),
        downloader=name,
        item=item.id,
        state=str(item.phase),
        progress=round(share, 4),
    )
