"""Replies as JSON: what is bytes on the wire becomes text, without losing which bytes they were."""

import base64
import json
from collections.abc import Mapping
from typing import Any


def dump(value: Any) -> str:
    """One document. Bytes are text, backslash escapes where not UTF-8; then KEY_b64 beside it has the exact bytes."""
    return json.dumps(plain(value), ensure_ascii=False, indent=2)


def line(value: Any) -> str:
    """The same in one line, for streams."""
    return json.dumps(plain(value), ensure_ascii=False)


def plain(value: Any) -> Any:
    """`value` made of what JSON has."""
    if isinstance(value, Mapping):
        result: dict[str, Any] = {}
        for key, item in value.items():
            name = _text(key) if isinstance(key, bytes) else str(key)
            result[name] = plain(item)
            if isinstance(item, bytes) and not _is_utf8(item):
                result[f"{name}_b64"] = base64.b64encode(item).decode("ascii")
        return result
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return _text(value)
    return value


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
