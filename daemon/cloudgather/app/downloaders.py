"""Which class speaks to which kind of downloader."""

import logging

from cloudgather.core.downloader import DownloaderSpec, Kind
from cloudgather.outside.aria2 import Aria2
from cloudgather.outside.qbittorrent import QBittorrent
from cloudgather.outside.transmission import Transmission
from cloudgather.ports.downloader import Downloader

logger = logging.getLogger(__name__)


def make_downloader(spec: DownloaderSpec) -> Downloader:
    """A client of this downloader; nothing is asked of it yet."""
    match spec.kind:
        case Kind.QBITTORRENT:
            return QBittorrent(spec, warn=_unknown_state)
        case Kind.ARIA2:
            return Aria2(spec)
        case Kind.TRANSMISSION:
            return Transmission(spec)


def _unknown_state(downloader: str, state: str) -> None:
    logger.warning(
        "the downloader %s shows a state that is not known here, the last one is kept: %s", downloader, state
    )
