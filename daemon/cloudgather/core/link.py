"""Reads what somebody wants to have downloaded: magnet links and addresses, and which addresses are out of bounds."""

import base64
import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from cgwire.codes import Code
from cgwire.reasons import because

_LONGEST: Final = 8192
_HEX: Final = re.compile(r"[0-9a-fA-F]{40}")
_BASE32: Final = re.compile(r"[A-Za-z2-7]{32}")
_V2: Final = re.compile(r"1220([0-9a-fA-F]{64})")
_SPACE: Final = re.compile(r"[\x00-\x20\x7f]")


class Scheme(StrEnum):
    """What a link begins with."""

    MAGNET = "magnet"
    HTTP = "http"
    HTTPS = "https"
    FTP = "ftp"


class BadLink(ValueError):
    """It cannot be downloaded; `reason` is a link.* code."""

    def __init__(self, code: Code, **facts: Any) -> None:
        super().__init__(code)
        self.reason = because(code, **facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A checked link."""

    uri: str
    scheme: Scheme
    name: str  # what it is called until its files are known
    infohash: str | None  # of a magnet link: 40 hex digits, lower case
    host: str | None  # of an address


def read_link(given: str) -> Link:
    """The link in `given`; raises BadLink."""
    if len(given) > _LONGEST:
        raise BadLink(Code.LINK_TOO_LONG, most=_LONGEST)
    if _SPACE.search(given):
        raise BadLink(Code.LINK_SPACE)
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError:
        raise BadLink(Code.LINK_MALFORMED) from None
    if parts.scheme == Scheme.MAGNET:
        return _magnet(given, parts.query)
    if parts.scheme not in tuple(Scheme):
        raise BadLink(Code.LINK_OTHER)
    if not parts.hostname or port == 0:
        raise BadLink(Code.LINK_NO_HOST)
    return Link(
        uri=given,
        scheme=Scheme(parts.scheme),
        name=unquote(parts.path.rstrip("/").rpartition("/")[2], errors="replace") or parts.hostname,
        infohash=None,
        host=parts.hostname,
    )


def _magnet(given: str, query: str) -> Link:
    fields = parse_qs(query, max_num_fields=500, errors="replace")
    found = None
    for topic in fields.get("xt", []):
        if topic.startswith("urn:btih:"):
            found = _infohash(topic.removeprefix("urn:btih:"))
            break
        if topic.startswith("urn:btmh:") and (match := _V2.fullmatch(topic.removeprefix("urn:btmh:"))):
            found = match[1].lower()[:40]
    if found is None:
        raise BadLink(Code.LINK_NO_HASH)
    return Link(uri=given, scheme=Scheme.MAGNET, name=fields.get("dn", [found])[0], infohash=found, host=None)


def _infohash(text: str) -> str | None:
    if _HEX.fullmatch(text):
        return text.lower()
    if _BASE32.fullmatch(text):
        return base64.b32decode(text.upper()).hex()
    return None


def is_private(address: str) -> bool:
    """Whether this numeric address is of this machine, of a private network, or of no host out in the world."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or _translated(found)
        if inner is not None:
            found = inner
    return not found.is_global or found.is_multicast


def _translated(address: IPv6Address) -> IPv4Address | None:
    """The address behind NAT64 (RFC 6052's well-known prefix)."""
    if address.packed.startswith(bytes.fromhex("0064ff9b0000000000000000")):
        return IPv4Address(address.packed[12:])
    return None
