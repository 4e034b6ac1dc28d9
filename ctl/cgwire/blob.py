"""The request that brings a torrent file to the daemon, which is larger than a request may be."""

from dataclasses import dataclass
from typing import ClassVar, Final

from cgwire.access import Access
from cgwire.request import Request

PIECE: Final = 48 * 1024  # bytes of `data` that fit into anybody's request


@dataclass(frozen=True, slots=True, kw_only=True)
class Append(Request):
    """Add a piece to a blob, which is named in a later request of the same user: {blob: id, size: bytes so far}.

    Without `blob` a new one begins. It is kept for ten minutes after its last piece, up to 16 MiB; the
    request that names it uses it up.
    """

    METHOD: ClassVar[str] = "blob.append"
    ACCESS: ClassVar[Access] = Access.DOWNLOAD

    data: bytes
    blob: int | None = None
