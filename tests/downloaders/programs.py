"""The real downloaders, by kind."""

from downloaders.aria2 import Aria2c
from downloaders.program import Program
from downloaders.qbittorrent import QBittorrentNox
from downloaders.transmission import TransmissionDaemon

PROGRAMS: dict[str, type[Program]] = {
    "qbittorrent": QBittorrentNox,
    "aria2": Aria2c,
    "transmission": TransmissionDaemon,
}
