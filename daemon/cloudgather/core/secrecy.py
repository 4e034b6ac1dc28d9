"""What is shown of links, options and messages in which somebody may have written a password or a key."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote

HIDDEN: Final = "***"
_SIGN_IN: Final = re.compile(r"(?<=://)[^/?#\s]*@")  # up to the last @: a password may hold one
_TOLD: Final = frozenset({"xt", "dn", "xl", "so"})
# The address of a private tracker holds its user's key.
_SECRET: Final = re.compile(r"passw|secret|token|cookie|auth|header|tracker$", re.IGNORECASE)


def without_sign_in(text: str) -> str:
    """`text`, in which each USER:PASSWORD@ of an address is hidden."""
    return _SIGN_IN.sub(f"{HIDDEN}@", text)


def shown_link(uri: str) -> str:
    """An address without its user and password; of a magnet link what is downloaded, and not from where."""
    scheme, _, query = uri.partition("?")
    if scheme.lower() != "magnet:":
        return without_sign_in(uri)
    fields = [(name, value) for name, value in parse_qsl(query, errors="replace") if name.partition(".")[0] in _TOLD]
    return "magnet:?" + "&".join(f"{name}={quote(value, safe=':')}" for name, value in fields)


def shown_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options of a download without passwords and trackers, and without users in addresses."""
    return {name: _shown(name, value) for name, value in options.items()}


def _shown(name: str, value: Any) -> Any:
    if _SECRET.search(name):
        return HIDDEN
    return without_sign_in(value) if isinstance(value, str) else value
